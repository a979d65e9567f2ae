/* <code-input>: keeps the digits of what is typed or pasted; with data-submit the sixth sends the form, once. */
class CodeInput extends HTMLElement {
  connectedCallback() {
    this.input = this.querySelector("input");
    this.isSent = false;
    this.input.addEventListener("input", () => this.tidy());
    this.input.addEventListener("paste", (event) => this.paste(event));
  }

  paste(event) {
    event.preventDefault();
    this.input.value = event.clipboardData.getData("text");
    this.tidy();
  }

  tidy() {
    this.input.value = this.input.value.replace(/[^0-9]/g, "").slice(0, 6);
    if (this.input.value.length < 6 || this.isSent || !this.hasAttribute("data-submit")) return;
    this.isSent = true;
    this.input.form?.requestSubmit();
  }
}

customElements.define("code-input", CodeInput);
