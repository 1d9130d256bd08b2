"""What a spreadsheet makes of a table."""

import csv
import re


def saved_by_a_spreadsheet(table):
    """As a German Excel saves it: a mark, semicolons, decimal commas, and CRLF."""
    with table.open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    numbers = [[re.sub(r"^(-?[0-9]+)\.([0-9]+)$", r"\1,\2", cell) for cell in row] for row in rows]
    with table.open("w", newline="", encoding="utf-8-sig") as file:
        csv.writer(file, delimiter=";", lineterminator="\r\n").writerows(numbers)
