"""Open every page of the built site in headless Chromium, and report what is broken.

``python docs/check_site.py`` after the build; ``--pictures FOLDER`` saves screenshots.
Each page is opened at desktop and phone width. Requests to other hosts are errors.
Needs the extra ``docs`` and Chromium.
"""

import argparse
import functools
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

SITE = Path(__file__).parent / "_build" / "html"
WIDTHS = {"desktop": (1280, 900), "phone": (390, 844)}
BROKEN = """() => {
  const complaints = [];
  for (const image of document.images)
    if (!(image.complete && image.naturalWidth))
      complaints.push('picture ' + image.src);
  for (const formula of document.querySelectorAll('math'))
    if (formula.getBoundingClientRect().height < 5) complaints.push('flat formula');
  if (document.querySelector('merror')) complaints.push('formula with an error');
  if (document.documentElement.scrollWidth > innerWidth + 1)
    complaints.push('page wider than the window');
  const article = document.querySelector('.bd-article-container');
  if (article && article.scrollWidth > article.clientWidth + 1)
    complaints.push('text wider than its column');
  const sizes = ['h1', 'h2', 'h3', 'h4']
    .map(tag => document.querySelector('.bd-article ' + tag))
    .filter(heading => heading)
    .map(heading => parseFloat(getComputedStyle(heading).fontSize));
  if (sizes.some((size, i) => size >= sizes[i - 1]))
    complaints.push('heading not smaller than the one above it');
  return complaints;
}"""
# addresses that the page has, and those that it links within the site
ADDRESSES = """() => {
  const here = location.origin + location.pathname;
  const ids = [...document.querySelectorAll('[id]')].map(e => here + '#' + e.id);
  const links = [...document.links].map(a => decodeURIComponent(a.href));
  return [
    [here, here + '#', ...ids],
    links.filter(link => /[.]html($|#)/.test(link) && link.startsWith(location.origin))
  ];
}"""


class _Silent(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Print nothing."""


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """Print nothing if the browser leaves a page before it is loaded."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder on a free port of this machine."""
    handler = functools.partial(_Silent, directory=folder)
    with _Server(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def watched_page(browser: Browser, root: str, width: str) -> tuple[Page, list[str]]:
    """Make a page whose errors and external requests are kept in a list."""
    x, y = WIDTHS[width]
    page = browser.new_page(viewport={"width": x, "height": y})
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(f"error {error}"))
    page.on(
        "console",
        lambda m: errors.append(f"console {m.text}") if m.type == "error" else None,
    )
    page.on(
        "request",
        lambda r: (
            errors.append(f"external {r.url}")
            if not r.url.startswith((root, "data:"))
            else None
        ),
    )
    return page, errors


def page_names() -> list[str]:
    """Paths of all pages, without the templates among the static files."""
    names = (str(path.relative_to(SITE)) for path in SITE.rglob("*.html"))
    return sorted(name for name in names if not name.startswith("_static"))


def check_pages(browser: Browser, root: str, width: str) -> list[str]:
    """Open every page at one width."""
    page, errors = watched_page(browser, root, width)
    complaints = []
    for name in page_names():
        errors.clear()
        page.goto(f"{root}/{name}", wait_until="load")
        found = {*errors, *page.evaluate(BROKEN)}
        complaints += [f"{width} {name}: {one}" for one in sorted(found)]
    page.close()
    return complaints


def check_links(browser: Browser, root: str) -> list[str]:
    """Each link to a page or to a part of it leads somewhere."""
    page, _ = watched_page(browser, root, "desktop")
    known, linked = set(), {}
    for name in page_names():
        page.goto(f"{root}/{name}", wait_until="load")
        addresses, links = page.evaluate(ADDRESSES)
        known.update(addresses)
        linked.update(dict.fromkeys(links, name))
    page.close()
    lost = sorted(linked.keys() - known)
    return [f"{linked[link]}: no target {link.removeprefix(root)}" for link in lost]


def check_search(browser: Browser, root: str) -> list[str]:
    """Search for a word that many pages have."""
    page, _ = watched_page(browser, root, "desktop")
    page.goto(f"{root}/search.html?q=Hessian")
    try:
        page.wait_for_selector("#search-results li a", timeout=15_000)
    except Exception as error:  # whatever it is, it is the finding
        return [f"search: {error}"]
    finally:
        page.close()
    return []


def check_dark_mode(browser: Browser, root: str) -> list[str]:
    """The background is dark if the reader prefers it."""
    page = browser.new_page(color_scheme="dark")
    page.goto(f"{root}/index.html")
    colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.close()
    channels = [float(c) for c in colour[colour.index("(") + 1 : -1].split(",")[:3]]
    return [] if max(channels) < 80 else [f"dark mode: the background is {colour}"]


def save_pictures(browser: Browser, root: str, folder: Path) -> None:
    """Save screenshots of the pages that readers see first."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [
        "index", "tricks", "auto_examples/index", "ko/index", "ko/tricks", "pictures",
        "how_to/matlab", "reference/generated/sk_effprop.EffPropRegressor",
        "auto_examples/plot_x14_online_eigenvalue", "benchmarks/accuracy", "paper",
    ]  # fmt: skip
    for width, (x, y) in WIDTHS.items():
        for scheme in ("light", "dark"):
            page = browser.new_page(
                viewport={"width": x, "height": y},
                color_scheme="dark" if scheme == "dark" else "light",
            )
            for name in names:
                page.goto(f"{root}/{name}.html")
                file = f"{name.replace('/', '-')}-{width}-{scheme}.png"
                page.screenshot(path=folder / file, full_page=True)
            page.close()


def main() -> int:
    """Check the site; the exit status is 1 if something is broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=Path, help="folder for screenshots")
    options = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with served(SITE) as root, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium,
            args=["--no-sandbox", "--disable-background-networking"],
        )
        complaints = [c for w in WIDTHS for c in check_pages(browser, root, w)]
        for check in (check_links, check_search, check_dark_mode):
            complaints += check(browser, root)
        if options.pictures:
            save_pictures(browser, root, options.pictures)
        browser.close()
    print(
        "\n".join(
            [*complaints, f"{len(page_names())} pages, {len(complaints)} complaints"]
        )
    )
    return bool(complaints)


if __name__ == "__main__":
    sys.exit(main())
