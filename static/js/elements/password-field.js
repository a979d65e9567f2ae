/* <password-field>: shows what was typed while its button is pressed in; hides it again before sending. */
class PasswordField extends HTMLElement {
  connectedCallback() {
    this.input = this.querySelector("input");
    this.button = this.querySelector("button");
    this.button.addEventListener("click", () => this.show(this.input.type === "password"));
    this.input.form?.addEventListener("submit", () => this.show(false));
  }

  show(isShown) {
    this.input.type = isShown ? "text" : "password";
    this.button.setAttribute("aria-pressed", String(isShown));
    this.button.textContent = isShown ? "Hide" : "Show";
  }
}

customElements.define("password-field", PasswordField);
