import { call, everything, type IPage } from './client';
import type { components } from './generated';
import { session } from './session';

type Schemas = components['schemas'];

/** How people get in here, and whether somebody did. */
export type AuthState = Schemas['AuthInfo'];
export type Me = Schemas['Me'];
export type SignUp = Schemas['SignUp'];
export type Account = Schemas['Account'];
export type SignIn = Schemas['SignInSession'];
export type AccessToken = Schemas['AccessToken'];
export type NewAccessToken = Schemas['NewAccessToken'];
export type AccessTokenCreate = Schemas['AccessTokenCreate'];

/** What one may do in a project, from the least to the most. */
export type Role = AccessToken['role'];

/** How people get in here, and whether somebody did. Answers whoever asks. */
export function state(signal?: AbortSignal): Promise<AuthState> {
  return call('get', '/auth', { signal });
}

/** Sign in; the answer's cookie is the sign-in, which no script can read. */
export async function signIn(email: string, password: string): Promise<void> {
  await call('post', '/auth/sign-in', { body: { email, password } });
  session.tell('begun');
}

/** Make an account; whether it is signed in at once, or its address has to be confirmed first. */
export async function signUp(body: SignUp): Promise<boolean> {
  const { signed_in } = await call('post', '/auth/sign-up', { body });
  if (signed_in) {
    session.tell('begun');
  }
  return signed_in;
}

/** End this sign-in. */
export async function signOut(): Promise<void> {
  await call('post', '/auth/sign-out', {});
  session.tell('ended');
}

/** Have a code for another password sent. */
export async function askRecovery(email: string): Promise<void> {
  await call('post', '/auth/recovery', { body: { email } });
}

/** Set another password by a code, and sign in. */
export async function recover(email: string, code: string, password: string): Promise<void> {
  await call('post', '/auth/recovery/confirm', { body: { email, code, password } });
  session.tell('begun');
}

/** Have the confirmation of an address sent again. */
export async function askConfirmation(email: string): Promise<void> {
  await call('post', '/auth/confirmation', { body: { email } });
}

/** Confirm an address by a code, and sign in. */
export async function confirm(email: string, code: string): Promise<void> {
  await call('post', '/auth/confirmation/confirm', { body: { email, code } });
  session.tell('begun');
}

/** The account that is signed in. */
export function account(): Promise<Account> {
  return call('get', '/account', {});
}

/** Change the name that others see. */
export function rename(display_name: string): Promise<Account> {
  return call('patch', '/account', { body: { display_name } });
}

/** Set another password; the other sign-ins end. */
export async function changePassword(current: string, next: string): Promise<void> {
  await call('post', '/account/password', { body: { current, new: next } });
}

/** Where the account is signed in. */
export function signIns(): Promise<SignIn[]> {
  return everything<SignIn>((cursor): Promise<IPage<SignIn>> =>
    call('get', '/account/sessions', { query: { cursor } })
  );
}

/** End one of the account's sign-ins. */
export async function endSignIn(id: string): Promise<void> {
  await call('delete', '/account/sessions/{session_id}', { path: { session_id: id } });
}

/** The account's access tokens, without their secrets. */
export function tokens(): Promise<AccessToken[]> {
  return everything<AccessToken>((cursor): Promise<IPage<AccessToken>> =>
    call('get', '/account/tokens', { query: { cursor } })
  );
}

/** Make an access token; the answer is the only one that has its secret. */
export function createToken(body: AccessTokenCreate): Promise<NewAccessToken> {
  return call('post', '/account/tokens', { body });
}

/** Make an access token useless, for good. */
export async function revokeToken(id: string): Promise<void> {
  await call('delete', '/account/tokens/{token_id}', { path: { token_id: id } });
}
