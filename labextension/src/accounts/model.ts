import { PageConfig } from '@jupyterlab/coreutils';

import { accounts, ApiError, type AccessToken, type Account, type NewAccessToken, type SignIn } from '../api';
import type { AccessTokenCreate } from '../api';
import { Resource } from '../pages/resource';
import type { IProjects } from '../projects/tokens';

/** What the account's page shows and does. */
export class AccountModel {
  readonly account = new Resource<Account>(() => accounts.account());
  readonly tokens = new Resource<AccessToken[]>(() => accounts.tokens());
  readonly signIns = new Resource<SignIn[]>(() => accounts.signIns());

  async rename(name: string): Promise<void> {
    this.account.set(await accounts.rename(name));
  }

  /** Prove the account's address by a code. */
  async confirm(email: string, code: string): Promise<void> {
    await accounts.confirm(email, code);
    await Promise.all([this.account.refresh(), this.signIns.refresh()]);
  }

  /** Set another password; the account's other sign-ins end. */
  async changePassword(current: string, next: string): Promise<void> {
    await accounts.changePassword(current, next);
    await this.signIns.refresh();
  }

  async endSignIn(id: string): Promise<void> {
    await accounts.endSignIn(id);
    await this.signIns.refresh();
  }

  /** End every sign-in but this one. */
  async endOthers(): Promise<void> {
    const others = (this.signIns.value ?? []).filter(({ current }) => !current);
    try {
      for (const { id } of others) {
        await accounts.endSignIn(id);
      }
    } finally {
      await this.signIns.refresh();
    }
  }

  async createToken(body: AccessTokenCreate): Promise<NewAccessToken> {
    const made = await accounts.createToken(body);
    await this.tokens.refresh();
    return made;
  }

  async revokeToken(id: string): Promise<void> {
    await accounts.revokeToken(id);
    await this.tokens.refresh();
  }

  dispose(): void {
    this.account.dispose();
    this.tokens.dispose();
    this.signIns.dispose();
  }
}

/** Whether a token still lets somebody in. */
export function isActive(token: AccessToken): boolean {
  return token.revoked_at === null && Date.parse(token.expires_at) > Date.now();
}

/** Whether something failed because nobody is signed in: the page says that once, for all its parts. */
export function isSignedOut(reason: Error): boolean {
  return reason instanceof ApiError && reason.signedOut;
}

/** Whether JupyterHub signs people in, so that there is no password and no sign-in to look after here. */
export function hubSignsIn(projects: IProjects): boolean {
  return PageConfig.getOption('hubPrefix') !== '' && projects.status?.mode === 'embedded';
}

/** How a person would name the program of a user agent: "Firefox on Linux"; the text itself where that cannot be told. */
export function programName(userAgent: string, on: (browser: string, system: string) => string): string {
  const browser = BROWSERS.find(([, pattern]) => pattern.test(userAgent))?.[0];
  const system = SYSTEMS.find(([, pattern]) => pattern.test(userAgent))?.[0];
  if (browser && system) {
    return on(browser, system);
  }
  return browser ?? userAgent;
}

/** The first that fits counts: most of them call themselves by the names of the later ones too. */
const BROWSERS: ReadonlyArray<readonly [string, RegExp]> = [
  ['Edge', /\bEdg(e|A|iOS)?\//],
  ['Opera', /\bOPR\//],
  ['Firefox', /\b(Firefox|FxiOS)\//],
  ['Chrome', /\b(Chrome|CriOS|HeadlessChrome)\//],
  ['Safari', /\bSafari\//],
  ['curl', /^curl\//],
  ['Python', /^(python|aiohttp|httpx)/i]
];

const SYSTEMS: ReadonlyArray<readonly [string, RegExp]> = [
  ['Android', /Android/],
  ['iPhone', /iPhone/],
  ['iPad', /iPad/],
  ['Windows', /Windows/],
  ['macOS', /Mac OS X/],
  ['ChromeOS', /CrOS/],
  ['Linux', /Linux/]
];
