/* <passkey-button data-options="/…/" data-deed="create|get">: when its form is sent, it asks the server for a question
   and the browser for a passkey, puts the answer into the hidden field, and then sends the form. */
{
  const UNABLE = "This browser can’t use passkeys here. Use another browser or another way.";
  const decoded = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0));
  const encoded = (buffer) =>
    btoa(Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join(""))
      .replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");
  const described = (keys) => (keys || []).map((key) => ({ ...key, id: decoded(key.id) }));

  class PasskeyButton extends HTMLElement {
    connectedCallback() {
      this.input = this.querySelector("[name=code]");
      this.message = this.querySelector("[data-message]");
      this.form = this.closest("form");
      this.form.addEventListener("submit", (event) => this.answer(event));
      /* A page that comes back from the browser's memory begins anew: an answer works once. */
      addEventListener("pageshow", () => this.rest(false));
      if (!window.PublicKeyCredential) this.say(UNABLE);
    }

    async answer(event) {
      event.preventDefault();
      if (this.isBusy) return;
      this.say("");
      this.rest(true);
      try {
        this.input.value = JSON.stringify(await this.ask());
        this.form.submit();
      } catch (error) {
        this.rest(false);
        this.say(this.reason(error));
      }
    }

    async ask() {
      if (!window.PublicKeyCredential) throw new Error(UNABLE);
      const question = await this.question();
      const challenge = decoded(question.challenge);
      if (this.dataset.deed === "get") {
        return this.written(await navigator.credentials.get({
          publicKey: { ...question, challenge, allowCredentials: described(question.allowCredentials) },
        }));
      }
      return this.written(await navigator.credentials.create({
        publicKey: {
          ...question,
          challenge,
          user: { ...question.user, id: decoded(question.user.id) },
          excludeCredentials: described(question.excludeCredentials),
        },
      }));
    }

    /* A redirect means that the page is stale: the session ended, or another step comes first. */
    async question() {
      const answer = await fetch(this.dataset.options, {
        method: "POST",
        body: new URLSearchParams(new FormData(this.form)),
        headers: { Accept: "application/json" },
        redirect: "manual",
      });
      const isJson = (answer.headers.get("Content-Type") || "").includes("json");
      if (!isJson) location.replace(location.href);
      const said = isJson ? await answer.json() : { message: "This page is out of date. Load it again." };
      if (said.message) throw new Error(said.message);
      return said;
    }

    written({ id, rawId, type, response }) {
      const names = ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"];
      const parts = names.filter((name) => response[name]).map((name) => [name, encoded(response[name])]);
      const transports = response.getTransports ? { transports: response.getTransports() } : {};
      return { id, type, rawId: encoded(rawId), response: { ...Object.fromEntries(parts), ...transports } };
    }

    reason(error) {
      const words = {
        NotAllowedError: this.dataset.deed === "get"
          ? "No passkey was used. The question was closed, took too long, or this browser has no passkey of yours. Try again, or use another way."
          : "No passkey was made. The question was closed or took too long. Press the button to try again.",
        InvalidStateError: "This device or key holds a passkey of yours already.",
        SecurityError: "Passkeys don’t work at this address. They need a host name such as localhost, and https elsewhere.",
        NotSupportedError: "This device or key can’t make a passkey that we understand. Use another one.",
        AbortError: "The browser stopped before a passkey was used. Try again.",
        TypeError: "The console could not be reached. Try again.",
      };
      return words[error.name] || error.message;
    }

    rest(isBusy) {
      this.isBusy = isBusy;
      this.input.value = "";
    }

    say(words) {
      this.message.hidden = !words;
      this.message.querySelector("span").textContent = words;
    }
  }

  customElements.define("passkey-button", PasskeyButton);
}
