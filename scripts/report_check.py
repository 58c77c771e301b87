#!/usr/bin/env python3
"""Tests reports in headless Chromium: layout, viewers, tables and curves.

    scripts/report_check.py REPORT.html... [--screenshots FOLDER]

Checks of every report: no console error, no request beyond the file, static pictures
without scripts, nothing wider than a phone. If it has cases: slider, wheel,
window, contours and classes change the pixels of the right pictures, and further
channels keep their still ones. If it has a table or curves: sorting, the logarithmic
axis and the value under the pointer. Only Python's standard library is used; without Chromium the check is
skipped with a message.
"""

import argparse
import base64
import json
import os
import pathlib
import select
import shutil
import subprocess
import sys
import tempfile
import time

NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"]
WIDE, NARROW = (1280, 900), (400, 800)
PATIENCE = 60  # seconds that the browser may take to answer


class Browser:
    """Headless Chromium, controlled through a pipe by the DevTools protocol."""

    def __init__(self, program, profile):
        down, up = os.pipe(), os.pipe()
        flags = ["--headless", "--disable-gpu", "--hide-scrollbars", "--no-first-run", f"--user-data-dir={profile}"]
        if os.geteuid() == 0:
            flags.append("--no-sandbox")

        def wire():  # Chromium reads from 3 and writes to 4
            reader, writer = os.dup(down[0]), os.dup(up[1])
            for place, end in ((3, reader), (4, writer)):
                os.dup2(end, place)

        self.process = subprocess.Popen(
            [program, *flags, "--remote-debugging-pipe"],
            preexec_fn=wire, close_fds=False, stderr=subprocess.DEVNULL,
        )
        os.close(down[0])
        os.close(up[1])
        self.writer, self.reader = down[1], up[0]
        self.buffer, self.last, self.events = b"", 0, []
        self.session = None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self.session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method, **params):
        self.last += 1
        message = {"id": self.last, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.writer, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.receive()
            if answer.get("id") == self.last:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return answer["result"]
            self.events.append(answer)

    def receive(self):
        until = time.monotonic() + PATIENCE
        while b"\0" not in self.buffer:
            ready, _, _ = select.select([self.reader], [], [], until - time.monotonic())
            data = os.read(self.reader, 1 << 16) if ready else b""
            if not data:
                raise RuntimeError("Chromium does not answer")
            self.buffer += data
        message, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(message)

    def run(self, script):
        """Returns the value of a JavaScript expression in the page."""
        answer = self.call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in answer:
            raise RuntimeError(f"{script}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def open(self, page, size, dark=False, scripts=True):
        self.events.clear()
        self.call("Emulation.setDeviceMetricsOverride", width=size[0], height=size[1],
                  deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call("Emulation.setScriptExecutionDisabled", value=not scripts)
        self.call("Page.navigate", url=page)
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self.events.append(self.receive())

    def problems(self):
        """Returns console errors and requests beyond the page since it was opened."""
        self.run("0")  # processes pending events
        found = []
        for event in self.events:
            method, params = event["method"], event.get("params", {})
            if method == "Runtime.exceptionThrown":
                found.append(json.dumps(params["exceptionDetails"])[:400])
            elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning"):
                found.append(json.dumps(params["args"])[:400])
            elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
                found.append(params["entry"]["text"])
            elif method == "Network.requestWillBeSent":
                url = params["request"]["url"]
                if not url.startswith(("file:", "data:", "blob:")):
                    found.append(f"a request to {url}")
        return found

    def screenshot(self, path):
        height = self.run("document.documentElement.scrollHeight")
        width = self.run("document.documentElement.clientWidth")
        clip = {"x": 0, "y": 0, "width": width, "height": min(height, 8000), "scale": 1}
        answer = self.call("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)
        path.write_bytes(base64.b64decode(answer["data"]))

    def press(self, key):
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key,
                      windowsVirtualKeyCode={"ArrowRight": 39, "ArrowLeft": 37, "Home": 36}[key])

    def mouse(self, kind, selector, shift=(0, 0), **params):
        x, y = self.run(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)});"
            "e.scrollIntoView({block: 'center'}); const b = e.getBoundingClientRect();"
            "return [b.x + b.width / 2, b.y + b.height / 2]; })()"
        )
        self.call("Input.dispatchMouseEvent", type=kind, x=x + shift[0], y=y + shift[1], **params)

    def click(self, selector):
        for kind in ("mousePressed", "mouseReleased"):
            self.mouse(kind, selector, button="left", clickCount=1)

    def close(self):
        os.close(self.writer)
        os.close(self.reader)
        self.process.terminate()
        self.process.wait(PATIENCE)


class Check:
    """The checks of one report."""

    def __init__(self, browser, report, screenshots):
        self.browser, self.run = browser, browser.run
        self.report, self.screenshots = report, screenshots
        self.page = report.resolve().as_uri()
        self.failures, self.passed = [], 0

    def expect(self, what, holds):
        if holds:
            self.passed += 1
        else:
            self.failures.append(what)

    def all(self):
        self.without_scripts()
        for size, dark in ((WIDE, False), (WIDE, True), (NARROW, False), (NARROW, True)):
            self.browser.open(self.page, size, dark)
            self.wait_for_viewers()
            overflow = self.run("document.documentElement.scrollWidth - innerWidth")
            self.expect(f"{size[0]} pixels are wide enough", overflow <= 0)
            self.shoot(f"{size[0]}_{'dark' if dark else 'light'}")
        self.browser.open(self.page, WIDE)
        self.wait_for_viewers()
        self.expect("a case is shown", self.cases > 0)
        if self.cases:
            self.channels()
            self.slices()
            self.window()
            self.layers()
        if self.run("document.querySelectorAll('.sortable tbody').length") > 1:
            self.table()
        if self.run("!!document.querySelector('.charts')"):
            self.curves()
        for problem in self.browser.problems():
            self.expect(problem, False)
        self.expect("every control has a name", self.nameless() == [])

    def without_scripts(self):
        self.browser.open(self.page, WIDE, scripts=False)
        self.cases = self.run("document.querySelectorAll('.case').length")
        stills = self.run(
            "[...document.querySelectorAll('.slice')].filter(e => e.getBoundingClientRect().height > 1).length"
        )
        self.expect("still pictures without scripts", stills >= self.cases)
        dead = self.run(
            "[...document.querySelectorAll('.slider, .controls, thead button')]"
            ".filter(e => e.getClientRects().length).length"
        )
        self.expect("no dead control without scripts", dead == 0)
        self.shoot("no_scripts")

    def wait_for_viewers(self):
        until = time.monotonic() + PATIENCE
        while self.run("document.querySelectorAll('.controls:not([hidden])').length") < self.cases:
            if time.monotonic() > until:
                raise RuntimeError(f"{self.report}: the viewers do not start")
            time.sleep(0.05)

    def shoot(self, name):
        if self.screenshots:
            self.browser.screenshot(self.screenshots / f"{self.report.parent.name}_{name}.png")

    def pixels(self):
        """Returns the pixels of every canvas of the first case."""
        return self.run(
            "[...document.querySelector('.case').querySelectorAll('canvas')].map(c => c.toDataURL())"
        )

    def changed(self, before):
        return [a != b for a, b in zip(before, self.pixels())]

    def channels(self):
        still = self.run("document.querySelectorAll('.channel .slice').length")
        figures = self.run("document.querySelectorAll('.channel figure').length")
        self.expect("further channels keep their still pictures", still == figures)

    def slices(self):
        planes = len(self.pixels())
        for plane in range(planes):
            figure = f".case figure:nth-of-type({plane + 1})"
            slider = f"document.querySelector('{figure} .slider')"
            if self.run(f"{slider}.max") == "0":
                continue
            only = [place == plane for place in range(planes)]
            before, place = self.pixels(), int(self.run(f"{slider}.value"))
            text = self.run(f"document.querySelector('{figure} output').value")
            self.run(f"{slider}.focus()")
            self.browser.press("ArrowLeft" if place > 0 else "ArrowRight")
            moved = abs(int(self.run(f"{slider}.value")) - place)
            self.expect("an arrow key moves the slider by one slice", moved == 1)
            self.expect("the slider changes its picture, and no other", self.changed(before) == only)
            now = self.run(f"document.querySelector('{figure} output').value")
            self.expect("the slice's number follows", now != text)
            before = self.pixels()
            turn = 120 if int(self.run(f"{slider}.value")) < int(self.run(f"{slider}.max")) else -120
            self.browser.mouse("mouseWheel", f"{figure} canvas", deltaX=0, deltaY=turn)
            self.settle()
            self.expect("the wheel changes its picture, and no other", self.changed(before) == only)
            self.run(f"({slider}.value = {place}, {slider}.dispatchEvent(new Event('input')))")

    def settle(self):
        self.run("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def window(self):
        first, every = self.pixels(), [True] * len(self.pixels())
        self.run("document.querySelector('.width').focus()")
        shown = "document.querySelector('.width + output').value"
        text = self.run(shown)
        for _ in range(20):
            self.browser.press("ArrowLeft")
        self.expect("the window changes all pictures", self.changed(first) == every)
        self.expect("the window's value follows", self.run(shown) != text)
        self.browser.click(".reset")
        self.expect("reset restores all pictures", self.changed(first) == [False] * len(every))
        for kind, shift in (("mousePressed", 0), ("mouseMoved", 60), ("mouseReleased", 60)):
            self.browser.mouse(kind, ".case canvas", (shift, 0), button="left", buttons=1, clickCount=1)
        self.settle()
        self.expect("dragging changes all pictures", self.changed(first) == every)
        self.browser.click(".reset")

    def layers(self):
        first = self.pixels()
        drawn = {"reference": False, "prediction": False}
        for layer in drawn:
            box = f".case [data-layer={layer}]"
            self.browser.click(box)
            drawn[layer] = any(self.changed(first))
            self.browser.click(box)
            self.expect("a layer comes back", not any(self.changed(first)))
        self.expect("a contour can be switched off", any(drawn.values()))
        for layer in drawn:
            self.run(
                f"(() => {{ const f = document.querySelector('.fill'); f.value = '{layer}';"
                "f.dispatchEvent(new Event('change')); })()"
            )
            if drawn[layer]:
                self.expect("classes can be filled", any(self.changed(first)))
        self.run("document.querySelectorAll('.case .class').forEach(box => box.click())")
        bare = self.pixels()
        self.run("document.querySelectorAll('.case [data-layer]').forEach(box => box.click())")
        self.expect("without its classes a case shows its image alone", not any(self.changed(bare)))

    def table(self):
        ids = "[...document.querySelectorAll('.sortable tbody')].map(b => b.dataset.case)"
        dice = "[...document.querySelectorAll('.sortable tbody')].map(b => JSON.parse(b.dataset.values)[0])"
        values = [value for value in self.run(dice) if value is not None]
        self.expect("the worst case comes first", values == sorted(values))
        self.browser.click(".sortable [data-column='0'] button")
        values = [value for value in self.run(dice) if value is not None]
        self.expect("a click turns the order around", values == sorted(values, reverse=True))
        self.browser.click(".sortable [data-column=case] button")
        by_name = f"{ids}.sort((a, b) => a.localeCompare(b, 'en', {{numeric: true}}))"
        self.expect("cases are sorted by name", self.run(ids) == self.run(by_name))
        state = self.run("document.querySelector('[data-column=case]').getAttribute('aria-sort')")
        self.expect("the sorted column is marked", state == "ascending")

    def curves(self):
        figure = ".charts figure"
        latest = self.run(f"document.querySelector('{figure} figcaption span').textContent")
        self.browser.mouse("mouseMoved", f"{figure} svg")
        self.settle()
        text = self.run(f"document.querySelector('{figure} figcaption span').textContent")
        self.expect("the value under the pointer is shown", text.startswith("step ") and text != latest)
        visible = f"getComputedStyle(document.querySelector('{figure} .logarithmic')).display"
        if self.run(f"!!document.querySelector('{figure} .logarithmic')"):
            self.expect("the axis is linear at first", self.run(visible) == "none")
            self.browser.click("[data-scale]")
            self.expect("the axis can be logarithmic", self.run(visible) != "none")

    def nameless(self):
        tree = self.browser.call("Accessibility.getFullAXTree")["nodes"]
        roles = {"slider", "checkbox", "button", "combobox", "image"}
        return [
            node["role"]["value"]
            for node in tree
            if not node["ignored"]
            and node["role"]["value"] in roles
            and not node.get("name", {}).get("value")
        ]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("reports", nargs="+", type=pathlib.Path)
    parser.add_argument("--screenshots", type=pathlib.Path)
    arguments = parser.parse_args()
    for report in arguments.reports:
        if not report.is_file():
            parser.error(f"{report} is not a file")
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        print(f"skipped: reports in a browser (none of {', '.join(NAMES)} is on the PATH)")
        return 0
    if arguments.screenshots:
        arguments.screenshots.mkdir(parents=True, exist_ok=True)
    failed = False
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = Browser(program, profile)
        try:
            for report in arguments.reports:
                check = Check(browser, report, arguments.screenshots)
                check.all()
                for failure in check.failures:
                    print(f"{report}: FAILED: {failure}")
                print(f"{report}: {check.passed} checks passed, {check.cases} cases shown")
                failed |= bool(check.failures)
        finally:
            browser.close()
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
