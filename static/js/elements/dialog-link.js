/* <dialog-link data-dialog="id">: opens that dialog over the page instead of following its link. */
class DialogLink extends HTMLElement {
  connectedCallback() {
    this.addEventListener("click", (event) => this.open(event));
  }

  open(event) {
    const dialog = document.getElementById(this.dataset.dialog);
    if (!dialog || !event.target.closest("a, button") || event.metaKey || event.ctrlKey) return;
    event.preventDefault();
    dialog.showModal();
  }
}

customElements.define("dialog-link", DialogLink);
