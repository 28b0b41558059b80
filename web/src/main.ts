import { mount } from "svelte";
import App from "./App.svelte";
import "./styles/base.css";

const place = document.getElementById("app");
if (place) mount(App, { target: place });

/** A worker takes a processor to start, which the first page needs more: it is for the next visit. */
const NOT_YET = 3000;

if ("serviceWorker" in navigator && window.isSecureContext && import.meta.env.PROD) setTimeout(register, NOT_YET);

function register(): void {
  // Trusted Types ask for a policy where a script's address is given; this one knows a single address.
  const policy = (window as { trustedTypes?: { createPolicy: Function } }).trustedTypes?.createPolicy?.("regard-worker", {
    createScriptURL: (address: string) => {
      if (address !== "./sw.js") throw new TypeError(address);
      return address;
    },
  });
  const address = policy ? policy.createScriptURL("./sw.js") : "./sw.js";
  navigator.serviceWorker.register(address).catch(() => undefined); // the console works without it
}
