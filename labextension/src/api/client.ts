import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

import type { paths } from './generated';
import { session } from './session';

/** The methods that the API uses. */
type Method = 'get' | 'post' | 'put' | 'patch' | 'delete';

/** A path below the API's root, as the OpenAPI document writes it. */
type Route = keyof paths extends infer Path
  ? Path extends `/insighter/api${infer Rest}`
    ? Rest
    : never
  : never;

type Operation<R extends Route, M extends Method> = paths[`/insighter/api${R}`][M];

type RoutesWith<M extends Method> = {
  [R in Route]: Operation<R, M> extends { responses: unknown } ? R : never;
}[Route];

type Json<T> = T extends { content: { 'application/json': infer Body } } ? Body : undefined;

type Answer<O> = O extends { responses: infer Responses }
  ? Json<Responses[Extract<keyof Responses, 200 | 201 | 202 | 204>]>
  : never;

// In brackets: while the compiler does not know which route it is, these are asked of all at once, and a union of each with a
// union of each is more than it can hold.
type PathOf<O> = [O] extends [{ parameters: { path: infer Path } }] ? { path: Path } : { path?: undefined };

type QueryOf<O> = [O] extends [{ parameters: { query?: infer Query } }]
  ? { query?: Query }
  : { query?: undefined };

type BodyOf<O> = [O] extends [{ requestBody: { content: { 'application/json': infer Body } } }]
  ? { body: Body }
  : { body?: undefined };

/** What a call takes: the path's arguments, the query, the body, and a signal to give up with. */
type Options<O> = PathOf<O> & QueryOf<O> & BodyOf<O> & { signal?: AbortSignal };

/** Values for the `{arguments}` of a path. */
type PathValues = Readonly<Record<string, string | number>>;

/** Values for a query string; what is null or undefined is left out. */
type QueryValues = Readonly<Record<string, string | number | boolean | null | undefined>>;

/** A list's page; `cursor` asks for the next one and is null on the last. */
export interface IPage<T> {
  items: T[];
  cursor: string | null;
}

/**
 * An answer that is not the one hoped for, in words for people.
 *
 * `message` says what happened and `hint` what to do next. `status` is HTTP's, or 0 when no answer came at all.
 */
export class ApiError extends Error {
  constructor(options: IApiErrorOptions) {
    super(options.message);
    this.name = 'ApiError';
    this.status = options.status;
    this.code = options.code;
    this.hint = options.hint ?? null;
    this.details = options.details ?? null;
  }

  readonly status: number;
  readonly code: string;
  readonly hint: string | null;
  readonly details: unknown;

  /** Whether the server could not be reached, so that trying again later is all there is to do. */
  get offline(): boolean {
    return this.status === 0 || this.status === 502 || this.status === 503 || this.status === 504;
  }

  /** Whether nobody is signed in, or not any more. */
  get signedOut(): boolean {
    return this.status === 401 && this.code === 'sign_in_required';
  }

  /** For how many seconds to wait when it was asked too often; null for every other error. */
  get retryAfter(): number | null {
    const { details } = this;
    if (this.status !== 429 || typeof details !== 'object' || details === null) {
      return null;
    }
    const seconds = (details as Readonly<Record<string, unknown>>)['retry_after'];
    return typeof seconds === 'number' ? seconds : null;
  }

  /** Any thrown thing as an `ApiError`, so that a view has one shape to show. */
  static from(reason: unknown): ApiError {
    if (reason instanceof ApiError) {
      return reason;
    }
    const message = reason instanceof Error ? reason.message : String(reason);
    return new ApiError({ status: -1, code: 'client', message });
  }
}

/** What makes an `ApiError`. */
export interface IApiErrorOptions {
  status: number;
  code: string;
  message: string;
  hint?: string | null;
  details?: unknown;
}

/**
 * Call the API. Path, query, body and answer are checked against the OpenAPI document when this is compiled.
 *
 * @throws ApiError when there is no answer or it is an error; `AbortError` (a DOMException) when `signal` gave up.
 */
export async function call<M extends Method, R extends RoutesWith<M>>(
  method: M,
  route: R,
  options: Options<Operation<R, M>>
): Promise<Answer<Operation<R, M>>> {
  const { path, query, body, signal } = options as {
    path?: PathValues;
    query?: QueryValues;
    body?: unknown;
    signal?: AbortSignal;
  };
  const response = await send(
    apiUrl(route, path, query),
    method.toUpperCase(),
    body === undefined ? undefined : JSON.stringify(body),
    signal
  );
  return (await readJson(response)) as Answer<Operation<R, M>>;
}

/** The whole address of a route of the API. */
export function apiUrl(route: Route, path: PathValues = {}, query: QueryValues = {}): string {
  const filled = route.replace(/{(\w+)}/g, (_match, name: string) => {
    const value = String(path[name]);
    if (!value || value === '.' || value === '..') {
      // It would be the address of something else.
      throw new ApiError({ status: 404, code: 'not_found', message: `nothing is called "${value}"` });
    }
    return encodeURIComponent(value);
  });
  return serverUrl(`insighter/api${filled}`, query);
}

/** The whole address of a path below Jupyter's base; the path is taken as it is. */
export function serverUrl(path: string, query: QueryValues = {}): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined) {
      search.set(name, String(value));
    }
  }
  const text = search.toString();
  return URLExt.join(ServerConnection.makeSettings().baseUrl, path) + (text ? `?${text}` : '');
}

/**
 * Send a request below Jupyter's base with Jupyter's credentials.
 *
 * @throws ApiError when no answer comes.
 */
export async function send(
  url: string,
  method: string,
  body?: string,
  signal?: AbortSignal
): Promise<Response> {
  try {
    // With `no-store`, Jupyter's default, ServerConnection would add a nameless argument to the query; the server
    // forbids storing anyway.
    const headers = body === undefined ? undefined : { 'Content-Type': 'application/json' };
    const init: RequestInit = { method, body, headers, signal, cache: 'default' };
    return await ServerConnection.makeRequest(url, init, ServerConnection.makeSettings());
  } catch (reason) {
    if (signal?.aborted) {
      throw new DOMException('The request was given up.', 'AbortError');
    }
    if (reason instanceof ServerConnection.NetworkError) {
      throw unreachable();
    }
    throw reason;
  }
}

/**
 * The JSON of an answer; undefined when there is none.
 *
 * @throws ApiError when the answer is an error.
 */
export async function readJson(response: Response): Promise<unknown> {
  return judge(response.status, response.statusText, await response.text());
}

/**
 * Send a file as the body of a POST, telling how much has gone out.
 *
 * `fetch` cannot tell the progress of an upload, hence XMLHttpRequest, with the same credentials as `call`.
 *
 * @throws ApiError as `call` does; `AbortError` when `signal` gave up.
 */
export function upload(url: string, body: Blob, options: IUploadOptions = {}): Promise<unknown> {
  const { onProgress, signal } = options;
  return new Promise((resolve, reject) => {
    const giveUp = () => reject(new DOMException('The upload was given up.', 'AbortError'));
    if (signal?.aborted) {
      giveUp();
      return;
    }
    const request = new XMLHttpRequest();
    const abort = () => request.abort();
    request.open('POST', url);
    request.setRequestHeader('Content-Type', 'application/octet-stream');
    const { token } = ServerConnection.makeSettings();
    if (token) {
      request.setRequestHeader('Authorization', `token ${token}`);
    }
    const xsrf = xsrfCookie();
    if (xsrf !== undefined) {
      request.setRequestHeader('X-XSRFToken', xsrf);
    }
    request.upload.onprogress = event => {
      onProgress?.(event.loaded, body.size);
    };
    request.onload = () => {
      try {
        resolve(judge(request.status, request.statusText, request.responseText));
      } catch (reason) {
        reject(ApiError.from(reason));
      }
    };
    request.onerror = () => reject(unreachable());
    request.onabort = giveUp;
    request.onloadend = () => signal?.removeEventListener('abort', abort);
    signal?.addEventListener('abort', abort);
    request.send(body);
  });
}

/** What an upload may be given. */
export interface IUploadOptions {
  /** Called with bytes sent and bytes in all. */
  onProgress?: (sent: number, total: number) => void;
  signal?: AbortSignal;
}

/** All items of a list, page after page. For lists of names; a table of runs pages as it scrolls. */
export async function everything<T>(page: (cursor: string | null) => Promise<IPage<T>>): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | null = null;
  do {
    const answer: IPage<T> = await page(cursor);
    items.push(...answer.items);
    cursor = answer.cursor;
  } while (cursor !== null);
  return items;
}

/** Whether something was thrown because it was given up on purpose. */
export function isAbort(reason: unknown): boolean {
  return reason instanceof DOMException && reason.name === 'AbortError';
}

/** What was thrown, as an error. */
export function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}

/** An answer's JSON, or its error thrown, whoever in front of the API gave it. */
function judge(status: number, statusText: string, text: string): unknown {
  let body: unknown;
  try {
    body = text ? JSON.parse(text) : undefined;
  } catch {
    body = undefined;
  }
  if (status >= 200 && status < 300) {
    return body;
  }
  const fields = (typeof body === 'object' && body !== null ? body : {}) as Readonly<Record<string, unknown>>;
  // MLflow's protocol says `error_code`; what Jupyter itself refuses has only a message.
  const code = fields['code'] ?? fields['error_code'];
  const message = fields['message'] || `The server answered ${status} ${statusText}`.trim();
  const error = new ApiError({
    status,
    code: typeof code === 'string' ? code : `http_${status}`,
    message: typeof message === 'string' ? message : JSON.stringify(message),
    // an endpoint tells the model's own error as `cause`
    hint: [fields['hint'], fields['cause']].find(forPeople) ?? null,
    details: fields['details'] ?? null
  });
  if (error.signedOut) {
    session.tellRequired();
  }
  throw error;
}

/** Whether a hint is one for people: some are for programs, and tell them a route. */
function forPeople(hint: unknown): hint is string {
  return typeof hint === 'string' && !/\b(GET|POST|PUT|PATCH|DELETE) \//.test(hint);
}

function unreachable(): ApiError {
  return new ApiError({
    status: 0,
    code: 'offline',
    message: 'The Jupyter server does not answer.',
    hint: 'See whether it still runs and whether you are online, then try again.'
  });
}

/** Jupyter's XSRF cookie; the last one counts, as it does for the server. */
function xsrfCookie(): string | undefined {
  const found = document.cookie
    .split(';')
    .map(part => part.trim())
    .filter(part => part.startsWith('_xsrf='));
  return found.at(-1)?.substring('_xsrf='.length);
}
