/* <copy-button>: copies the value it stands beside, and says so in its own place for two seconds. */
class CopyButton extends HTMLElement {
  connectedCallback() {
    this.button = this.querySelector("button");
    this.label = this.querySelector("[data-label]");
    this.words = this.label?.textContent;
    this.button.addEventListener("click", () => this.copy());
  }

  /* One value to a line, in the order of the page. */
  get values() {
    const scope = this.closest(".copyable, .secret__strip");
    return [...scope.querySelectorAll(".copyable__value, .secret__value")];
  }

  async copy() {
    try {
      await navigator.clipboard.writeText(this.values.map((value) => value.textContent.trim()).join("\n"));
      this.say("Copied", true);
    } catch {
      /* No clipboard without https or permission: select the value, so that one key does the rest. */
      this.select();
      this.say("Selected, copy it with your keyboard", false);
    }
  }

  select() {
    const range = document.createRange();
    range.setStartBefore(this.values.at(0));
    range.setEndAfter(this.values.at(-1));
    getSelection().removeAllRanges();
    getSelection().addRange(range);
  }

  say(words, isCopied) {
    this.toggleAttribute("data-copied", isCopied);
    this.status.textContent = words;
    if (this.label && isCopied) this.label.textContent = words;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.rest(), 2000);
  }

  rest() {
    this.removeAttribute("data-copied");
    this.status.textContent = "";
    if (this.label) this.label.textContent = this.words;
  }

  get status() {
    let status = this.querySelector("[role=status]");
    if (status) return status;
    status = document.createElement("span");
    status.className = "visually-hidden";
    status.setAttribute("role", "status");
    this.append(status);
    return status;
  }
}

customElements.define("copy-button", CopyButton);
