"use strict";
// Sort the table by the column whose heading is pressed; once more turns the order. What has no value comes last.
const body = document.querySelector(".index tbody");
const heads = [...document.querySelectorAll(".index thead th")];
heads.forEach((head, column) => head.querySelector("button")?.addEventListener("click", () => {
  const down = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
  heads.forEach((one) => one.removeAttribute("aria-sort"));
  head.setAttribute("aria-sort", down > 0 ? "ascending" : "descending");
  const value = (row) => row.cells[column].dataset.value;
  const order = (a, b) => {
    if (a === "" || b === "") return (a === "") - (b === "");
    const apart = head.dataset.kind === "number" ? Number(a) - Number(b) : a.localeCompare(b, "en", { numeric: true });
    return down * apart;
  };
  body.append(...[...body.rows].sort((a, b) => order(value(a), value(b))));
}));
