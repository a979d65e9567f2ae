/* <stripe-form data-key data-secret data-deed="save|confirm">: saves a card with Stripe's own form, or passes on the
   question of a bank. Then the form around it is sent, and the server asks Stripe what became of it. */
{
  const AWAY = "Stripe’s form did not load. Check the connection, then reload this page.";

  class StripeForm extends HTMLElement {
    connectedCallback() {
      this.place = this.querySelector("[data-place]");
      this.message = this.querySelector("[data-message]");
      this.form = this.querySelector("form");
      this.form.addEventListener("submit", (event) => this.answer(event));
      /* Stripe's script stands after this one. */
      if (document.readyState === "complete") this.begin();
      else addEventListener("load", () => this.begin(), { once: true });
    }

    begin() {
      if (!window.Stripe) return this.say(AWAY);
      this.stripe = window.Stripe(this.dataset.key);
      if (this.dataset.deed !== "save") return undefined;
      if (this.stripe.confirmSetup) {
        this.elements = this.stripe.elements({ clientSecret: this.dataset.secret });
        return this.elements.create("payment").mount(this.place);
      }
      /* The stand-in of development has the form for cards alone. */
      this.card = this.stripe.elements().create("card");
      return this.card.mount(this.place);
    }

    ask() {
      const secret = this.dataset.secret;
      if (this.dataset.deed === "confirm") {
        return this.stripe.handleNextAction
          ? this.stripe.handleNextAction({ clientSecret: secret })
          : this.stripe.confirmCardPayment(secret);
      }
      if (this.card) return this.stripe.confirmCardSetup(secret, { payment_method: { card: this.card } });
      return this.stripe.confirmSetup({
        elements: this.elements,
        confirmParams: { return_url: location.href },
        redirect: "if_required",
      });
    }

    async answer(event) {
      event.preventDefault();
      if (this.isBusy || !this.stripe) return;
      this.rest(true);
      this.say("");
      const { error } = await this.ask().catch((failure) => ({ error: failure }));
      if (error && this.dataset.deed === "save") {
        this.rest(false);
        this.say(error.message || AWAY);
        return;
      }
      /* Also after a refusal of the bank: the server writes down what became of the payment. */
      this.form.submit();
    }

    rest(isBusy) {
      this.isBusy = isBusy;
      this.form.querySelector("[type=submit]").disabled = isBusy;
    }

    say(text) {
      this.message.textContent = text;
      this.message.hidden = !text;
    }
  }

  customElements.define("stripe-form", StripeForm);
}
