import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';
import type { IDisposable } from '@lumino/disposable';
import { type ISignal, Signal } from '@lumino/signaling';

import type { components } from './generated';

/** A message of the bus, as a CloudEvent. */
export type Message = components['schemas']['Message'];

/** Somebody who has the project open. */
export type Present = components['schemas']['Present'];

/** What comes through the connection: messages with the position behind them, or who is there now. */
type News = components['schemas']['Batch'] | { present: Present[] };

/** Milliseconds until a lost connection is tried again: the first time, and at most. */
const FIRST_WAIT = 500;
const LONGEST_WAIT = 15_000;

/** Closed for good: the credential ended, or the project is not to be seen any more. */
const FOR_GOOD: ReadonlyArray<number> = [4401, 4404];

/** What every page listens to: what happens in the project, and what is for whoever is signed in, of all projects. */
const OWN_TOPICS: ReadonlyArray<string> = ['activity', 'notifications'];

/**
 * What happens in a project, as it happens. A connection that is lost is taken up again where it was: nothing is missed and
 * nothing heard twice.
 */
export class Channel implements IDisposable {
  constructor() {
    document.addEventListener('visibilitychange', this._look);
  }

  /** Whether the server calls when something happens. */
  get live(): boolean {
    return this._live;
  }

  /** What happened, in order. */
  get heard(): ISignal<this, ReadonlyArray<Message>> {
    return this._heard;
  }

  /** Who has the project open, this page's own person included; nobody while that is not known. */
  get present(): ReadonlyArray<Present> {
    return this._present;
  }

  /** Somebody came or went. */
  get presentChanged(): ISignal<this, void> {
    return this._presentChanged;
  }

  /** Listening begins from here: what was before was not heard. Not emitted where it goes on after an interruption. */
  get began(): ISignal<this, void> {
    return this._began;
  }

  /** It came to live, or went. */
  get stateChanged(): ISignal<this, void> {
    return this._stateChanged;
  }

  get isDisposed(): boolean {
    return this._disposed;
  }

  /**
   * Follow a project from now on, or none. One that is followed already is connected to again where the connection was closed
   * for good: whoever signed in anew has another credential.
   */
  follow(project: string | null): void {
    if (project !== this._project) {
      this._leave();
      this._project = project;
      this._cursor = null;
      this._wait = FIRST_WAIT;
      this._connect();
    } else if (this._closed) {
      this._connect();
    }
  }

  /** Hear these topics of the programs too, from now on; what is heard already goes on without a gap. */
  listen(topics: Iterable<string>): void {
    this._wanted = [...new Set([...OWN_TOPICS, ...topics])].sort();
    this._tell();
  }

  dispose(): void {
    this._disposed = true;
    document.removeEventListener('visibilitychange', this._look);
    this._leave();
    Signal.clearData(this);
  }

  private _connect(): void {
    this._closed = false;
    if (!this._project || this._disposed) {
      return;
    }
    const settings = ServerConnection.makeSettings();
    // Topics that were asked for after the cursor begin once the server has heard of them, not where the others do.
    this._heardTopics = this._cursor ? this._heardTopics : this._wanted;
    const query: Record<string, string> = {
      topics: this._heardTopics.join(','),
      presence: away() ? 'away' : 'here'
    };
    if (this._cursor) {
      query['after'] = this._cursor;
    }
    if (settings.appendToken && settings.token) {
      query['token'] = settings.token;
    }
    const address = URLExt.join(settings.wsUrl, 'insighter/api/projects', this._project, 'bus/socket');
    const socket = new settings.WebSocket(address + URLExt.objectToQueryString(query));
    this._socket = socket;
    socket.onopen = (): void => this._tell();
    socket.onmessage = (event: MessageEvent<string>): void => {
      if (this._socket === socket) {
        this._take(event.data);
      }
    };
    socket.onclose = (event: CloseEvent): void => {
      if (this._socket === socket) {
        this._lost(FOR_GOOD.includes(event.code));
      }
    };
  }

  private _take(text: string): void {
    const batch = JSON.parse(text) as News;
    if ('present' in batch) {
      this._setPresent(batch.present);
      return;
    }
    const first = this._cursor === null;
    this._cursor = batch.cursor;
    if (batch.topics) {
      this._heardTopics = batch.topics;
      this._tell();
    }
    this._wait = FIRST_WAIT;
    this._setLive(true);
    if (first) {
      this._began.emit();
    }
    if (batch.items.length > 0) {
      this._heard.emit(batch.items);
    }
  }

  /** Have the server know which topics are wanted. */
  private _tell(): void {
    if (this._socket?.readyState === WebSocket.OPEN && this._wanted.join() !== this._heardTopics.join()) {
      this._socket.send(JSON.stringify({ topics: this._wanted }));
    }
  }

  private _lost(forGood: boolean): void {
    this._socket = null;
    this._closed = forGood;
    this._setLive(false);
    if (!forGood) {
      // Not all pages at the same moment when a server comes back.
      this._timer = window.setTimeout(() => this._connect(), this._wait * (0.75 + Math.random() / 2));
      this._wait = Math.min(this._wait * 2, LONGEST_WAIT);
    }
  }

  private _leave(): void {
    window.clearTimeout(this._timer);
    const socket = this._socket;
    this._socket = null;
    socket?.close();
    this._setLive(false);
  }

  /** Tell whether anybody looks at this page. */
  private readonly _look = (): void => {
    if (this._socket?.readyState === WebSocket.OPEN) {
      this._socket.send(JSON.stringify({ away: away() }));
    }
  };

  private _setPresent(present: ReadonlyArray<Present>): void {
    this._present = present;
    this._presentChanged.emit();
  }

  private _setLive(live: boolean): void {
    if (live !== this._live) {
      this._live = live;
      this._stateChanged.emit();
    }
    if (!live && this._present.length > 0) {
      this._setPresent([]);
    }
  }

  private _project: string | null = null;
  private _cursor: string | null = null;
  /** Which topics are to be heard, and which are heard up from the cursor. */
  private _wanted: ReadonlyArray<string> = OWN_TOPICS;
  private _heardTopics: ReadonlyArray<string> = OWN_TOPICS;
  private _socket: WebSocket | null = null;
  private _live = false;
  /** Whether the connection was closed for good. */
  private _closed = false;
  private _disposed = false;
  private _wait = FIRST_WAIT;
  private _timer = 0;
  private _present: ReadonlyArray<Present> = [];
  private readonly _presentChanged = new Signal<this, void>(this);
  private readonly _heard = new Signal<this, ReadonlyArray<Message>>(this);
  private readonly _began = new Signal<this, void>(this);
  private readonly _stateChanged = new Signal<this, void>(this);
}

/** Whether the page is open, and nobody looks at it. */
function away(): boolean {
  return document.visibilityState === 'hidden';
}
