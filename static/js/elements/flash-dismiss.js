/* <flash-dismiss>: takes the notice it stands in off the page and leaves the focus on the main part. */
class FlashDismiss extends HTMLElement {
  connectedCallback() {
    this.querySelector("button").addEventListener("click", () => this.dismiss());
  }

  dismiss() {
    this.closest(".notice").remove();
    document.querySelector("main")?.focus();
  }
}

customElements.define("flash-dismiss", FlashDismiss);
