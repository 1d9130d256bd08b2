"""The pages of a prediction in a real browser, from files, without a network: any error on the console fails."""

import io
import re
import shutil
from dataclasses import replace

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import expect, sync_playwright

from onfh_nnunet.core.csv_rows import write_rows
from onfh_nnunet.core.hip import Side
from onfh_nnunet.workflows.output_rows import FailedRow
from onfh_nnunet.workflows.report import report
from postprocessing.measurement.grade_rows import write_grades
from tests.helpers.predicted_hips import write_hip

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
SOFTWARE_WEBGL = ["--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
HOSTILE = (
    "<script>window.hacked = 1</script><img src=x onerror='window.hacked = 1'> {{ 7*7 }} [red]text[/red]\nnext line"
)
PATIENCE_MS = 300_000
"""No test depends on time, also where twenty processes share two cores; what is wrong shows at once elsewhere."""

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's chromium: apt-get install chromium"),
    pytest.mark.xdist_group("browser"),
]
expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    """A prediction of two patients whose fields are hostile."""
    folder = tmp_path_factory.mktemp("pages") / "out"
    right, left = write_hip(folder, Side.RIGHT, 8.0), write_hip(folder, Side.LEFT, 99.0)
    second = write_hip(folder, Side.RIGHT, 0.0, patient="P002")
    write_grades(folder / "grades.csv", [replace(right, source=HOSTILE, warnings=HOSTILE), left, second])
    write_rows(folder / "failed.csv", FailedRow, [FailedRow("P003", HOSTILE, "ReadError", HOSTILE, False)])
    report(folder)
    return folder


@pytest.fixture(scope="module")
def context():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=SOFTWARE_WEBGL, timeout=PATIENCE_MS)
        context = browser.new_context(viewport={"width": 1280, "height": 900}, has_touch=True, offline=True)
        context.set_default_timeout(PATIENCE_MS)
        yield context
        browser.close()


def opened(context, path):
    page = context.new_page()
    page.problems = []
    page.on("console", lambda message: page.problems.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.on("dialog", lambda dialog: page.problems.append(dialog.message))
    page.on("request", lambda request: page.problems.append(request.url) if "file:" not in request.url[:5] else None)
    page.goto(path.as_uri())
    return page


@pytest.fixture(scope="module")
def patient(context, out):
    return opened(context, out / "report" / "P001.html")


@pytest.fixture(scope="module")
def index(context, out):
    return opened(context, out / "report.html")


@pytest.fixture(autouse=True)
def no_problems(request):
    yield
    for name in ("patient", "index"):
        if name in request.fixturenames:
            assert [one for one in request.getfixturevalue(name).problems if not one.startswith("data:")] == []


def orange(canvas):
    """Rows and columns of the necrosis in a picture of the canvas, as parts of its edge."""
    pixels = np.asarray(Image.open(io.BytesIO(canvas.screenshot())).convert("RGB")).astype(int)
    found = np.argwhere((pixels[..., 0] > pixels[..., 2] + 60) & (pixels[..., 0] > 90))
    return found / pixels.shape[0]


def test_slices_scroll_and_greys_change(patient):
    viewer = patient.locator(".viewer").first
    plane = viewer.locator("[data-plane=coronal]")
    canvas, number = plane.locator("canvas"), plane.locator("output")
    expect(canvas).to_be_visible()
    before, shown = canvas.evaluate("(one) => one.toDataURL()"), number.inner_text()
    at, n = map(int, shown.split(" of "))
    canvas.press("ArrowUp")
    expect(number).to_have_text(f"{at + 1} of {n}")
    assert canvas.evaluate("(one) => one.toDataURL()") != before
    canvas.dispatch_event("wheel", {"deltaY": -1})
    expect(number).to_have_text(shown)
    assert canvas.evaluate("(one) => one.toDataURL()") == before
    viewer.locator("[name=window]").fill("40")
    assert canvas.evaluate("(one) => one.toDataURL()") != before
    viewer.locator("[name=reset]").click()
    assert canvas.evaluate("(one) => one.toDataURL()") == before
    viewer.locator("[name=contours]").uncheck()
    assert canvas.evaluate("(one) => one.toDataURL()") != before


def test_head_turns_by_button_key_mouse_and_finger(patient):
    figure = patient.locator(".head3d").first
    canvas, view = figure.locator("canvas"), figure.locator("output")
    figure.get_by_role("button", name="front").click()
    expect(view).to_have_text("seen from the front")
    rows = orange(canvas)[:, 0]
    assert len(rows) > 100
    assert rows.max() < 0.5  # the upper part of this head is dead
    figure.get_by_role("button", name="above").click()
    np.testing.assert_allclose(orange(canvas).mean(axis=0), 0.5, atol=0.05)
    figure.get_by_role("button", name="lateral").click()
    expect(view).to_have_text("seen from the front, 90\N{DEGREE SIGN} to lateral")
    canvas.press("ArrowRight")  # the front turns away, and more of the back is seen
    expect(view).to_have_text("seen from the front, 98\N{DEGREE SIGN} to lateral")
    box = canvas.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    patient.mouse.move(x, y)
    patient.mouse.down()
    patient.mouse.move(x, y + 40)
    patient.mouse.up()
    expect(view).to_have_text("seen from the front, 98\N{DEGREE SIGN} to lateral, 20\N{DEGREE SIGN} from above")
    touch = patient.context.new_cdp_session(patient)
    for kind, points in (("Start", [{"x": x, "y": y}]), ("Move", [{"x": x, "y": y - 40}]), ("End", [])):
        touch.send("Input.dispatchTouchEvent", {"type": f"touch{kind}", "touchPoints": points})
    expect(view).not_to_contain_text("above")
    assert view.inner_text() in canvas.get_attribute("aria-label")


def test_without_webgl_the_page_says_so(context, out):
    page = context.new_page()
    page.add_init_script(
        "const get = HTMLCanvasElement.prototype.getContext;"
        "HTMLCanvasElement.prototype.getContext = function (kind, ...more)"
        " { return kind === 'webgl' ? null : get.call(this, kind, ...more); }"
    )
    page.goto((out / "report" / "P002.html").as_uri())
    expect(page.get_by_text("needs a browser with JavaScript and WebGL")).to_be_visible()
    expect(page.locator(".head3d canvas")).to_be_hidden()
    expect(page.locator(".viewer canvas").first).to_be_visible()
    page.close()


def test_index_is_sorted_by_any_column(index):
    def order():
        return index.locator(".index tbody th").all_inner_texts()

    assert order() == ["P001_R", "P001_L", "P002_R"]
    heading = index.get_by_role("button", name="Necrosis, ml")
    heading.click()
    assert order() == ["P001_L", "P001_R", "P002_R"]
    heading.click()
    assert order() == ["P002_R", "P001_R", "P001_L"]
    assert index.locator(".index tbody a img").count() == 3


def test_hostile_fields_are_text_and_do_nothing(index, patient):
    for page in (index, patient):
        assert HOSTILE.splitlines()[0] in page.locator(".first, .warnings").first.inner_text()
        assert page.evaluate("window.hacked") is None


@pytest.mark.parametrize("name", ["index", "patient"])
def test_axe_finds_nothing_serious(name, request):
    page = request.getfixturevalue(name)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        found = Axe().run(page).response["violations"]
        grave = [one for one in found if one["impact"] in ("serious", "critical")]
        assert [(one["id"], [node["target"] for node in one["nodes"]]) for one in grave] == []


def test_a_patient_prints_on_one_a4_page(patient):
    pdf = patient.pdf(prefer_css_page_size=True, print_background=True)
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) == 1
    width, height = map(float, re.search(rb"/MediaBox\s*\[0 0 ([\d.]+) ([\d.]+)\]", pdf).groups())
    assert (width, height) == pytest.approx((595, 842), abs=2)
