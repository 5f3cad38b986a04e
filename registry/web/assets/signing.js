// Signs what the page shows with NCALayer, the program of the national certification centre on this computer.
class Refused extends Error {}
// NCALayer answered with an error: its texts do not say reliably whether it was the server of time stamps.
class Failed extends Refused {}

// One request and its answer (module kz.gov.pki.knca.basics): a detached CMS in base64.
const sign = (form, isStamped) => new Promise((resolve, reject) => {
  const { sign: data, address, locale, unreachable, cancelled, failed } = form.dataset;
  const socket = new WebSocket(address);
  const end = (settle, value) => { settle(value); socket.close(); };
  socket.onerror = socket.onclose = () => reject(new Refused(unreachable));
  socket.onopen = () => socket.send(JSON.stringify({
    module: "kz.gov.pki.knca.basics",
    method: "sign",
    args: {
      allowedStorages: null,
      format: "cms",
      data,
      // With a time stamp of the centre, unless its server does not answer.
      signingParams: { decode: true, encapsulate: false, digested: false, ...(isStamped && { tsaProfile: {} }) },
      // Certificates for signing (e-mail protection), not those for signing in.
      signerParams: { extKeyUsageOids: ["1.3.6.1.5.5.7.3.4"] },
      locale,
    },
  }));
  socket.onmessage = ({ data: text }) => {
    const answer = JSON.parse(text);
    // First NCALayer tells its version.
    if (!("status" in answer)) return;
    if (!answer.status) return end(reject, new Failed(`${failed} ${answer.message ?? answer.code}`));
    const [signature] = [answer.body?.result].flat();
    if (signature) end(resolve, signature);
    else end(reject, new Refused(cancelled));
  };
});

for (const form of document.querySelectorAll("[data-sign]")) {
  const buttons = form.querySelectorAll("button");
  const unstamped = form.querySelector("[data-unstamped]");
  const shown = form.querySelector("[data-error]");
  form.addEventListener("submit", async event => {
    event.preventDefault();
    const isStamped = event.submitter !== unstamped.querySelector("button");
    for (const button of buttons) button.disabled = true;
    shown.hidden = true;
    try {
      form.elements.signature.value = await sign(form, isStamped);
      form.submit();
    } catch (error) {
      shown.textContent = error instanceof Refused ? error.message : form.dataset.unreachable;
      shown.hidden = false;
      if (error instanceof Failed) unstamped.hidden = !isStamped;
      for (const button of buttons) button.disabled = false;
    }
  });
}
