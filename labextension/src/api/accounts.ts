import { everything, type IPage, request } from './client';
import { session } from './session';

/** How people get in here, and whether somebody did. */
export interface AuthState {
  mode: 'embedded' | 'supabase';
  accounts: boolean;
  login_page: boolean;
  sign_up: 'open' | 'invited' | 'closed';
  sends_mail: boolean;
  me: Me | null;
}

export interface Me {
  user_id: string;
  display_name: string;
  email: string | null;
  kind: 'person' | 'kernel' | 'token' | 'service';
  project_id: string | null;
  role: Role | null;
  local: boolean;
}

export type Role = 'viewer' | 'annotator' | 'editor' | 'admin' | 'owner';

export interface SignedIn {
  signed_in: boolean;
  me: Me | null;
}

export interface SignUp {
  email: string;
  password: string;
  display_name?: string;
  invitation?: string;
}

export interface Account {
  user_id: string;
  email: string | null;
  display_name: string;
  local: boolean;
  confirmed: boolean;
  created_at: string;
}

export interface SignIn {
  id: string;
  created_at: string;
  last_used_at: string | null;
  user_agent: string | null;
  ip: string | null;
  current: boolean;
}

export interface AccessToken {
  id: string;
  name: string;
  project_id: string;
  project: string | null;
  role: Role;
  created_at: string;
  expires_at: string;
  last_used_at: string | null;
  revoked_at: string | null;
}

export interface NewAccessToken extends AccessToken {
  secret: string;
}

export interface AccessTokenCreate {
  name: string;
  project_id: string;
  role: Role;
  days: number;
}

export interface Invitation {
  id: string;
  project_id: string | null;
  project: string | null;
  organisation: string | null;
  role: string;
  invited_by: string | null;
  expires_at: string;
}

/** How people get in here, and whether somebody did. Answers whoever asks. */
export function state(signal?: AbortSignal): Promise<AuthState> {
  return request('get', '/auth', { signal });
}

/** Sign in; the answer's cookie is the sign-in, which no script can read. */
export async function signIn(email: string, password: string): Promise<void> {
  await request('post', '/auth/sign-in', { body: { email, password } });
  session.tell('begun');
}

/** Make an account; whether it is signed in at once, or its address has to be confirmed first. */
export async function signUp(body: SignUp): Promise<boolean> {
  const { signed_in } = await request<SignedIn>('post', '/auth/sign-up', { body });
  if (signed_in) {
    session.tell('begun');
  }
  return signed_in;
}

/** End this sign-in. */
export async function signOut(): Promise<void> {
  await request('post', '/auth/sign-out', {});
  session.tell('ended');
}

/** Have a code for another password sent; whether the server sends mail at all. */
export async function askRecovery(email: string): Promise<boolean> {
  return (await request<{ sent: boolean }>('post', '/auth/recovery', { body: { email } })).sent;
}

/** Set another password by a code, and sign in. */
export async function recover(email: string, code: string, password: string): Promise<void> {
  await request('post', '/auth/recovery/confirm', { body: { email, code, password } });
  session.tell('begun');
}

/** Have the confirmation of an address sent again. */
export async function askConfirmation(email: string): Promise<void> {
  await request('post', '/auth/confirmation', { body: { email } });
}

/** Confirm an address by a code, and sign in. */
export async function confirm(email: string, code: string): Promise<void> {
  await request('post', '/auth/confirmation/confirm', { body: { email, code } });
  session.tell('begun');
}

/** The account that is signed in. */
export function account(): Promise<Account> {
  return request('get', '/account', {});
}

/** Change the name that others see. */
export function rename(display_name: string): Promise<Account> {
  return request('patch', '/account', { body: { display_name } });
}

/** Set another password; the other sign-ins end. */
export async function changePassword(current: string, next: string): Promise<void> {
  await request('post', '/account/password', { body: { current, new: next } });
}

/** Where the account is signed in. */
export function signIns(): Promise<SignIn[]> {
  return everything<SignIn>((cursor): Promise<IPage<SignIn>> =>
    request('get', '/account/sessions', { query: { cursor } })
  );
}

/** End one of the account's sign-ins. */
export async function endSignIn(id: string): Promise<void> {
  await request('delete', `/account/sessions/${encodeURIComponent(id)}`, {});
}

/** The account's access tokens, without their secrets. */
export function tokens(): Promise<AccessToken[]> {
  return everything<AccessToken>((cursor): Promise<IPage<AccessToken>> =>
    request('get', '/account/tokens', { query: { cursor } })
  );
}

/** Make an access token; the answer is the only one that has its secret. */
export function createToken(body: AccessTokenCreate): Promise<NewAccessToken> {
  return request('post', '/account/tokens', { body });
}

/** Make an access token useless, for good. */
export async function revokeToken(id: string): Promise<void> {
  await request('delete', `/account/tokens/${encodeURIComponent(id)}`, {});
}

/** Invitations that wait for the account's answer. */
export function invitations(): Promise<Invitation[]> {
  return everything<Invitation>((cursor): Promise<IPage<Invitation>> =>
    request('get', '/invitations', { query: { cursor } })
  );
}

/** Become a member as an invitation says, or not. */
export async function answerInvitation(id: string, answer: 'accept' | 'decline'): Promise<void> {
  await request('post', `/invitations/${encodeURIComponent(id)}/${answer}`, {});
}
