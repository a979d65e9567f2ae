/* <password-field>: shows what was typed on a press of its button; hides it again before sending. */
class PasswordField extends HTMLElement {
  connectedCallback() {
    this.input = this.querySelector("input");
    this.button = this.querySelector("button");
    this.name = this.button.getAttribute("aria-label").split(" ").slice(1).join(" ");
    this.button.addEventListener("click", () => this.show(this.input.type === "password"));
    this.input.form?.addEventListener("submit", () => this.show(false));
  }

  show(isShown) {
    this.input.type = isShown ? "text" : "password";
    this.button.textContent = isShown ? "Hide" : "Show";
    this.button.setAttribute("aria-label", `${this.button.textContent} ${this.name}`);
  }
}

customElements.define("password-field", PasswordField);
