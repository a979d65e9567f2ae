/* <theme-toggle>: changes the theme at once and tells the server, without loading the page again. */
class ThemeToggle extends HTMLElement {
  connectedCallback() {
    this.addEventListener("submit", (event) => this.choose(event));
  }

  choose(event) {
    const theme = event.submitter?.value;
    if (!theme) return;
    event.preventDefault();
    this.show(theme, event.submitter);
    fetch(event.target.action, { method: "POST", body: new FormData(event.target, event.submitter), redirect: "manual" });
  }

  show(theme, pressed) {
    if (theme === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    for (const button of this.querySelectorAll("button[name=theme]")) {
      button.setAttribute("aria-pressed", String(button === pressed));
    }
  }
}

customElements.define("theme-toggle", ThemeToggle);
