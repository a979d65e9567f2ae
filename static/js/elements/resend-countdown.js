/* <resend-countdown data-seconds="24">: its button rests until then and shows the time left. The server decides anyway. */
class ResendCountdown extends HTMLElement {
  connectedCallback() {
    this.button = this.querySelector("button");
    this.left = this.querySelector("[data-left]");
    this.end = Date.now() + Number(this.dataset.seconds || 0) * 1000;
    this.button.addEventListener("click", (event) => this.refuse(event));
    this.timer = setInterval(() => this.tick(), 1000);
    this.tick();
  }

  disconnectedCallback() {
    clearInterval(this.timer);
  }

  get seconds() {
    return Math.max(0, Math.ceil((this.end - Date.now()) / 1000));
  }

  tick() {
    const isWaiting = this.seconds > 0;
    if (isWaiting) this.button.setAttribute("aria-disabled", "true");
    else this.button.removeAttribute("aria-disabled");
    if (this.left) this.left.textContent = isWaiting ? `in ${this.clock}` : "";
    if (!isWaiting) clearInterval(this.timer);
  }

  get clock() {
    return `${Math.floor(this.seconds / 60)}:${String(this.seconds % 60).padStart(2, "0")}`;
  }

  refuse(event) {
    if (this.seconds > 0) event.preventDefault();
  }
}

customElements.define("resend-countdown", ResendCountdown);
