/* <drop-menu>: closes the menu inside it on Escape, on a press elsewhere and when the focus leaves. */
class DropMenu extends HTMLElement {
  connectedCallback() {
    this.menu = this.querySelector("details");
    this.outside = (event) => this.contains(event.target) || this.close();
    document.addEventListener("pointerdown", this.outside);
    this.addEventListener("focusout", (event) => event.relatedTarget && this.outside({ target: event.relatedTarget }));
    this.addEventListener("keydown", (event) => event.key === "Escape" && this.escape(event));
  }

  disconnectedCallback() {
    document.removeEventListener("pointerdown", this.outside);
  }

  close() {
    this.menu.open = false;
  }

  /* Escape belongs to the open menu first, then to the dialog or sheet around it. */
  escape(event) {
    if (!this.menu.open) return;
    event.preventDefault();
    this.close();
    this.menu.querySelector("summary").focus();
  }
}

customElements.define("drop-menu", DropMenu);
