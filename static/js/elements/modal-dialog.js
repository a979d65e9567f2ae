/* <modal-dialog>: lets the close links of its dialog close it in place. With data-now the dialog opens as it arrives
   (htmx puts it here) and leaves the page when it closes. */
class ModalDialog extends HTMLElement {
  connectedCallback() {
    this.addEventListener("click", (event) => this.follow(event));
    this.addEventListener("close", () => this.hasAttribute("data-now") && this.replaceChildren(), true);
    this.addEventListener("htmx:afterSwap", () => this.openNow());
    this.openNow();
  }

  get dialog() {
    return this.querySelector("dialog");
  }

  openNow() {
    if (!this.hasAttribute("data-now") || !this.dialog) return;
    this.dialog.removeAttribute("open");
    this.dialog.showModal();
  }

  follow(event) {
    if (!event.target.closest("[data-close]")) return;
    event.preventDefault();
    this.dialog.close();
  }
}

customElements.define("modal-dialog", ModalDialog);
