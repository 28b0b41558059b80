"""What a person does with a browser and the console."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, expect

#: A machine that does other work is slow, and no fault.
expect.set_options(timeout=30_000)

PASSWORD = "correct horse battery"
PHONE, DESK = {"width": 360, "height": 780}, {"width": 1440, "height": 900}
AXE = Path(__file__).resolve().parent.parent / "web" / "node_modules" / "axe-core" / "axe.min.js"
#: What the browser tells where the page breaks its own rules, or a script fails.
_WRONG = ("Content Security Policy", "Trusted Type", "Uncaught")


class Person:
    """Windows of people, each with cookies of its own; `complaints` are what the pages did wrong."""

    def __init__(self, browser: Browser, url: str) -> None:
        self._browser = browser
        self._url = url
        self._contexts: list[BrowserContext] = []
        self.complaints: list[str] = []

    def window(self, **options: Any) -> Page:
        context = self._browser.new_context(**({"viewport": DESK} | options))
        context.set_default_timeout(40_000)
        self._contexts.append(context)
        page = context.new_page()
        page.on("console", lambda said: self._heard(said.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        return page

    def signed_in(self, name: str, **options: Any) -> Page:
        page = self.window(**options)
        page.goto(f"{self._url}/")
        page.get_by_label("Name you sign in with").fill(name)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in", exact=True).click()
        expect(page.locator("nav ~ main h1")).to_be_visible()
        return page

    def show(self, page: Page, place: str) -> None:
        """Go to a page of the console, and wait until it has what it asked for."""
        page.goto(f"{self._url}/console/#/{place}")
        expect(page.locator("main[aria-busy=false] h1")).to_be_visible()
        expect(page.get_by_text("One moment…")).to_have_count(0)

    def close(self) -> None:
        for context in self._contexts:
            context.close()

    def _heard(self, said: str) -> None:
        if any(each in said for each in _WRONG):
            self.complaints.append(said)


def violations(page: Page) -> list[str]:
    """What axe finds wrong with the page as it is, in a line each."""
    page.evaluate("() => Promise.allSettled(document.getAnimations().map((each) => each.finished))")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("async () => (await axe.run(document, {resultTypes: ['violations']})).violations")
    return [f"{each['id']}: {node['html'][:160]}" for each in found for node in each["nodes"]]
