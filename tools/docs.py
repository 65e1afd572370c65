"""Writes every page that is made from the program: `make docs` (a test keeps them true)."""

from tools import (
    access_page,
    cli_page,
    fidelity_page,
    imports,
    policy_page,
    rules_page,
    spec_page,
    stack_page,
    training_page,
)

PAGES = {
    access_page.PAGE: lambda: access_page.page(access_page.PAGE.read_text(encoding="utf-8")),
    cli_page.PAGE: cli_page.page,
    fidelity_page.PAGE: lambda: fidelity_page.page(fidelity_page.PAGE.read_text(encoding="utf-8")),
    imports.PAGE: lambda: imports.page(imports.PAGE.read_text(encoding="utf-8")),
    policy_page.PAGE: lambda: policy_page.page(policy_page.PAGE.read_text(encoding="utf-8")),
    rules_page.PAGE: rules_page.page,
    spec_page.PAGE: spec_page.page,
    stack_page.PAGE: stack_page.page,
    training_page.PAGE: training_page.page,
}

if __name__ == "__main__":
    for page, text in PAGES.items():
        page.write_text(text(), encoding="utf-8")
