import { DisposableDelegate, type IDisposable } from '@lumino/disposable';
import { type ISignal, Signal } from '@lumino/signaling';

import { ApiError, bus as api, type IPublishOptions, type Message } from '../api';
import type { Channel } from '../api/channel';
import type { IProjects } from '../projects/tokens';
import type { BusHandler, IBus } from './tokens';

/** The bus, on the one channel of the page. */
export class Bus implements IBus {
  constructor(private readonly projects: IProjects) {
    this._channel = projects.channel;
    this._channel.heard.connect(this._heard);
    this._channel.stateChanged.connect(() => this._stateChanged.emit());
    this._channel.began.connect(() => this._began.emit());
  }

  get live(): boolean {
    return this._channel.live;
  }

  get stateChanged(): ISignal<this, void> {
    return this._stateChanged;
  }

  get began(): ISignal<this, void> {
    return this._began;
  }

  subscribe(topic: string, handler: BusHandler): IDisposable {
    const handlers = this._handlers.get(topic) ?? new Set();
    const own: BusHandler = message => handler(message); // the same function may listen twice
    this._handlers.set(topic, handlers.add(own));
    this._channel.listen(this._handlers.keys());
    return new DisposableDelegate(() => {
      handlers.delete(own);
      if (handlers.size === 0 && this._handlers.get(topic) === handlers) {
        this._handlers.delete(topic);
        this._channel.listen(this._handlers.keys());
      }
    });
  }

  async publish(topic: string, data: unknown, options?: IPublishOptions): Promise<Message> {
    return api.publish(this._project(), topic, data, options);
  }

  async latest(topic: string): Promise<Message | null> {
    return api.latest(this._project(), topic);
  }

  private _project(): string {
    const { current } = this.projects;
    if (!current) {
      throw new ApiError({
        status: 404,
        code: 'project_not_found',
        message: 'no project is open',
        hint: 'open a project in the Insighter sidebar'
      });
    }
    return current.id;
  }

  private readonly _heard = (_sender: Channel, messages: ReadonlyArray<Message>): void => {
    for (const message of messages) {
      for (const handler of [...(this._handlers.get(message.topic) ?? [])]) {
        try {
          handler(message);
        } catch (reason) {
          console.error(`A listener of the topic "${message.topic}" failed.`, reason);
        }
      }
    }
  };

  private readonly _channel: Channel;
  private readonly _handlers = new Map<string, Set<BusHandler>>();
  private readonly _stateChanged = new Signal<this, void>(this);
  private readonly _began = new Signal<this, void>(this);
}
