// Signing in, and opening an account.

import { useState } from "preact/hooks";

import { isUrdu, locale, t } from "../language/index.ts";
import { Refused, hasAccounts, register, signIn } from "../store/session.ts";
import { pageLanguage } from "../store/settings.ts";
import { arrive } from "../start.ts";

export function SignIn() {
  const [isNew, setNew] = useState(false);
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const [problem, setProblem] = useState("");
  const [isBusy, setBusy] = useState(false);
  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setProblem("");
    try {
      if (isNew) await register(email, password, locale.value);
      await signIn(email, password);
      await arrive();
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      // Whether the address was taken is not told; who can not sign in with what was just chosen is not its owner.
      const isTaken = isNew && error.status === 401;
      if (isTaken) setNew(false);
      setProblem(isTaken ? t("wasRegistered") : error.status === 401 ? t("signInFailed") : error.status === 429 ? t("tooOften") : error.message || t("unreachable"));
    } finally {
      setBusy(false);
    }
  };
  return (
    <main class="sign-in" id="main" tabIndex={-1}>
      <img src="/favicon.svg" alt="" width="56" height="56" />
      <h1>{isUrdu.value ? "کام" : "Kaam"}</h1>
      <p class="sub">{t("welcome")}</p>
      {hasAccounts.value === false ? <p class="problem" role="alert">{t("noAccounts")}</p> : (
        <form onSubmit={submit}>
          <label>{t("address")}<input type="email" dir="ltr" name="email" autocomplete="username" required autofocus value={email} onInput={(event) => setEmail(event.currentTarget.value)} /></label>
          <label>
            {t("password")}
            <input type="password" dir="ltr" name="password" autocomplete={isNew ? "new-password" : "current-password"} required minLength={isNew ? 8 : 1} maxLength={256}
              aria-describedby="password-hint" value={password} onInput={(event) => setPassword(event.currentTarget.value)} />
          </label>
          <p class="hint" id="password-hint">{isNew ? t("passwordHint") : ""}</p>
          <p class="problem" role="alert">{problem}</p>
          <button type="submit" class="primary" disabled={isBusy}>{t(isNew ? "register" : "signIn")}</button>
        </form>
      )}
      <p class="switch-line">
        {hasAccounts.value !== false && <>{t(isNew ? "toSignIn" : "toRegister")} <button type="button" class="link" onClick={() => (setNew(!isNew), setProblem(""))}>{t(isNew ? "signIn" : "register")}</button></>}
      </p>
      <button type="button" class="link" lang={isUrdu.value ? "en" : "ur"} onClick={() => pageLanguage.choose(isUrdu.value ? "en" : "ur")}>{isUrdu.value ? "English" : "اردو"}</button>
    </main>
  );
}
