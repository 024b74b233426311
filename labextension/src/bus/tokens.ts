import { Token } from '@lumino/coreutils';
import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';

import type { IPublishOptions, Message } from '../api';

/** The bus of the open project: what happens in it, and what its programs tell each other. */
export const IBus = new Token<IBus>(
  '@insighter/labextension:IBus',
  'The bus of the open project: publish, subscribe, latest.'
);

/** Called with each message, in their order, each once. */
export type BusHandler = (message: Message) => void;

/** The bus of the open project. All that listens shares one connection. */
export interface IBus {
  /** Whether the server calls when something is said. While it does not, what is said is heard later. */
  readonly live: boolean;

  /** It came to live, or went. */
  readonly stateChanged: ISignal<IBus, void>;

  /** Listening begins from here, as another project was opened: what was before was not heard. */
  readonly began: ISignal<IBus, void>;

  /**
   * Hear a topic from now on; dispose of the answer to stop. When another project is opened, its topic of that name is heard
   * from then on. The topic "activity" is what happens in the project; "notifications" what is for whoever is signed in,
   * whichever project it is of.
   */
  subscribe(topic: string, handler: BusHandler): IDisposable;

  /**
   * Tell everybody who listens in the open project.
   *
   * @param data - anything that is JSON, up to 256 KB.
   * @throws ApiError 413 when it is larger, 403 when the role does not allow it, 404 when no project is open.
   */
  publish(topic: string, data: unknown, options?: IPublishOptions): Promise<Message>;

  /** The newest durable message of a topic; null when there is none. */
  latest(topic: string): Promise<Message | null>;
}
