import { ServerConnection } from '@jupyterlab/services';
import { type ISignal, Signal } from '@lumino/signaling';

/** Tells the rest of the front end what happens to the sign-in, whoever's request brought it about. */
class SessionNews {
  /** A request was refused because nobody is signed in, or not any more. */
  get required(): ISignal<this, void> {
    return this._required;
  }

  /** Somebody signed in: here, or in another tab of the browser. */
  get begun(): ISignal<this, void> {
    return this._begun;
  }

  /** Whoever was signed in signed out: here, or in another tab of the browser. */
  get ended(): ISignal<this, void> {
    return this._ended;
  }

  /** For the client only. */
  tellRequired(): void {
    this._required.emit();
  }

  /** For the client only: tells this tab and the others, which share the cookie. */
  tell(news: 'begun' | 'ended'): void {
    this._channel?.postMessage(news);
    this._emit(news);
  }

  private _emit(news: unknown): void {
    if (news === 'begun') {
      this._begun.emit();
    } else if (news === 'ended') {
      this._ended.emit();
    }
  }

  private _open(): BroadcastChannel | null {
    if (typeof BroadcastChannel === 'undefined') {
      return null;
    }
    const channel = new BroadcastChannel(`insighter:session:${ServerConnection.makeSettings().baseUrl}`);
    channel.onmessage = ({ data }: MessageEvent<unknown>) => this._emit(data);
    return channel;
  }

  private readonly _required = new Signal<this, void>(this);
  private readonly _begun = new Signal<this, void>(this);
  private readonly _ended = new Signal<this, void>(this);
  private readonly _channel = this._open();
}

/** What happens to the sign-in. */
export const session = new SessionNews();
