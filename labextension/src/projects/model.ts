import type { IStateDB } from '@jupyterlab/statedb';
import type { IDisposable } from '@lumino/disposable';
import { Poll } from '@lumino/polling';
import { type ISignal, Signal } from '@lumino/signaling';

import { ApiError, type Me, type Message, projects as api, type Project, session, type Status } from '../api';
import { Channel, type Present } from '../api/channel';

import type { Connection, IGone, IProjects } from './tokens';

/** Where the open project is remembered. */
const MEMORY = 'insighter:projects';

/** Milliseconds between two questions while nothing answers, at most. */
const LONGEST_WAIT = 12_000;

/** Milliseconds between two questions while the server calls by itself: for what it cannot call about. */
const CALLED_INTERVAL = 30_000;

/** What the model needs of the application. */
export interface IProjectsModelOptions {
  /** Remembers the open project; without it every start chooses afresh. */
  state: IStateDB | null;

  /** The folder the file browser shows, relative to Jupyter's root. */
  folder: () => Promise<string>;

  /** Milliseconds between two questions whether something happened. */
  interval: number;
}

/**
 * The projects and the one that is open, kept current by the bus: the server calls when something happened in the open
 * project. While that channel is down it is asked for now and then: one small request, none while the page is hidden,
 * ever fewer while nothing answers.
 */
export class ProjectsModel implements IProjects, IDisposable {
  constructor(private readonly options: IProjectsModelOptions) {
    this._poll = new Poll({
      name: '@insighter/labextension:projects',
      auto: false,
      factory: () => this._look(),
      frequency: { interval: options.interval, backoff: true, max: LONGEST_WAIT },
      standby: 'when-hidden'
    });
    this._interval = options.interval;
    this.channel.heard.connect(this._hear);
    this.channel.presentChanged.connect(() => this._stateChanged.emit());
    this.channel.stateChanged.connect(() => {
      this._pace();
      this._call(); // the next question may be half a minute away, and what happened meanwhile was not heard
    });
    document.addEventListener('visibilitychange', this._call);
    session.required.connect(this._expired);
    session.ended.connect(this._signedOut);
    session.begun.connect(this._signedIn);
  }

  readonly channel = new Channel();

  get me(): Me | null {
    return this._status?.me ?? null;
  }

  get status(): Status | null {
    return this._status;
  }

  get all(): ReadonlyArray<Project> {
    return this._all;
  }

  get current(): Project | null {
    return this._current;
  }

  get present(): ReadonlyArray<Present> {
    return this.channel.present;
  }

  get connection(): Connection {
    return this._connection;
  }

  get error(): ApiError | null {
    return this._error;
  }

  get currentChanged(): ISignal<this, Project | null> {
    return this._currentChanged;
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get heard(): ISignal<this, ReadonlyArray<Message>> {
    return this._heard;
  }

  get gone(): ISignal<this, IGone> {
    return this._gone;
  }

  get stateChanged(): ISignal<this, void> {
    return this._stateChanged;
  }

  get personChanged(): ISignal<this, void> {
    return this._personChanged;
  }

  /** The platform was updated while the page was open; its scripts are the old ones. */
  get updated(): ISignal<this, string> {
    return this._updated;
  }

  /** Milliseconds between two questions whether something happened. */
  set interval(interval: number) {
    this._interval = interval;
    this._pace();
  }

  /** Begin to ask. */
  start(): void {
    void this._poll.start();
  }

  find(id: string): Project | null {
    return this._current?.id === id ? this._current : (this._all.find(each => each.id === id) ?? null);
  }

  lost(id: string): string | null {
    return this._lost.get(id) ?? null;
  }

  async part<T>(id: string, action: () => Promise<T>): Promise<T> {
    const name = this.find(id)?.name ?? null;
    this._parting.add(id);
    try {
      const outcome = await action();
      await this.refresh();
      if (!this.find(id)) {
        this._gone.emit({ id, name, own: true });
      }
      return outcome;
    } finally {
      this._parting.delete(id);
    }
  }

  async select(id: string): Promise<void> {
    const choice = ++this._choice;
    let project = this._all.find(each => each.id === id);
    if (!project) {
      project = await api.get(id);
      if (choice !== this._choice) {
        return; // another one was chosen since, or somebody else signed in
      }
      await this._list();
    }
    if (choice === this._choice) {
      this._open(project);
    }
  }

  async refresh(): Promise<void> {
    try {
      await this._recognise();
      if (!this._status || !this._current) {
        await this._load();
      } else {
        await this._list();
      }
      this._answered();
    } catch (reason) {
      this._failed(reason);
    }
    this._changed.emit();
    this._stateChanged.emit();
  }

  get isDisposed(): boolean {
    return this._poll.isDisposed;
  }

  dispose(): void {
    document.removeEventListener('visibilitychange', this._call);
    this.channel.dispose();
    this._poll.dispose();
    session.required.disconnect(this._expired);
    session.ended.disconnect(this._signedOut);
    session.begun.disconnect(this._signedIn);
    Signal.clearData(this);
  }

  /** One question of the poll. Throws when it failed, so that the poll asks less often. */
  private async _look(): Promise<void> {
    try {
      do {
        this._called = false;
        await this._recognise();
        if (!this._status || !this._current) {
          await this._load();
        } else {
          await this._follow(this._current);
        }
        this._answered();
      } while (this._called);
    } catch (reason) {
      this._failed(reason);
      throw reason;
    }
  }

  /** The first question: everything. */
  private async _load(): Promise<void> {
    const before = this._current;
    const person = this._person;
    const [status, listed] = await Promise.all([api.status(), api.list()]);
    // a new account gets its own project with the first answer, which the list may have been faster than
    const all = listed.some(({ id }) => id === status.personal_project) ? listed : await api.list();
    if (person !== this._person) {
      return; // these are somebody else's
    }
    this._status = status;
    this._all = all;
    const project = await this._choose(all, status);
    // one that was opened by hand meanwhile stays
    if (project && this._current === before && person === this._person) {
      this._open(project);
    }
    this._stateChanged.emit();
  }

  /** What happened in the open project since it was last looked at. */
  private async _follow(before: Project): Promise<void> {
    if (this._connection === 'offline') {
      await this._compareVersion();
    }
    let project: Project;
    try {
      project = await api.get(before.id);
    } catch (reason) {
      if (reason instanceof ApiError && reason.status === 404) {
        // deleted, or closed to us, by somebody else; or somebody else is signed in
        this._doubted = true;
        await this._recognise();
        await this._list();
        this._changed.emit(); // pages of it are closed to us, too
        return;
      }
      throw reason;
    }
    const held = this._current;
    if (held?.id !== project.id || (held !== before && project.last_event < held.last_event)) {
      return; // another project was opened meanwhile, or a later answer overtook this one
    }
    // whoever is not a member any more, but may read on, sees fewer events than before
    if (
      project.last_event !== held.last_event ||
      project.role !== held.role ||
      project.member !== held.member
    ) {
      this._replace(project);
      this._changed.emit();
      this._stateChanged.emit();
    }
  }

  /** Load the list again; the open project stays open, unless it is gone. */
  private async _list(): Promise<void> {
    const person = this._person;
    const question = ++this._asked;
    const listed = await api.list();
    if (person !== this._person) {
      return;
    }
    if (question > this._answer) {
      this._answer = question;
      this._all = listed;
    } // else a newer answer was sooner
    const all = this._all;
    const held = this._current;
    let project = all.find(each => each.id === held?.id) ?? null;
    if (!project && held) {
      // archived, or open to be read without being a member; or gone
      project = await api.get(held.id).catch((reason: unknown) => {
        if (reason instanceof ApiError && reason.status === 404) {
          return null;
        }
        throw reason;
      });
      if (person !== this._person) {
        return;
      }
    }
    if (project) {
      this._replace(project);
    } else if (held && held.id === this._current?.id) {
      // else another answer, or a person, opened another one meanwhile: what became of this one was told then
      const next = newest(all) ?? personal(all);
      this._current = null;
      this._open(next);
      if (!this._parting.has(held.id)) {
        this._lost.set(held.id, held.name);
        this._gone.emit({ id: held.id, name: held.name, own: false });
      }
    }
    all.forEach(({ id }) => this._lost.delete(id));
    this._stateChanged.emit();
  }

  /** The remembered project; else that of the folder one is in; else the last used; else the personal one. */
  private async _choose(all: Project[], status: Status): Promise<Project | null> {
    const memory = await this.options.state?.fetch(MEMORY).catch(() => undefined);
    const id = (memory as { current?: string } | undefined)?.current;
    if (id) {
      const remembered = all.find(each => each.id === id) ?? (await api.get(id).catch(() => null));
      if (remembered) {
        return remembered;
      }
    }
    const folder = await this.options.folder();
    return (
      containing(all, folder) ??
      newest(all) ??
      personal(all) ??
      (await api.get(status.personal_project).catch(() => null))
    );
  }

  private _open(project: Project | null): void {
    const same = project?.id === this._current?.id;
    if (project) {
      this._lost.delete(project.id);
      this._replace(project);
    }
    if (same) {
      return;
    }
    this._current = project;
    if (project) {
      void this.options.state?.save(MEMORY, { current: project.id });
    }
    this.channel.follow(project?.id ?? null);
    this._currentChanged.emit(project);
    this._stateChanged.emit();
  }

  /** Take a project's fresh fields over, wherever it is held. */
  private _replace(project: Project): void {
    this._all = this._all.map(each => (each.id === project.id ? project : each));
    if (this._current?.id === project.id) {
      this._current = project;
    }
  }

  /** After a sign-in, and wherever somebody else may be signed in: ask who it is. */
  private async _recognise(): Promise<void> {
    if (!this._doubted) {
      return;
    }
    const before = this._status?.me.user_id;
    const status = await api.status();
    this._doubted = false;
    if (before !== undefined && before !== status.me.user_id) {
      this._forget();
    }
    this._status = status;
  }

  /** Whoever was signed in is not any more: nothing of theirs stays on the screen. */
  private _forget(): void {
    this._person += 1;
    this._choice += 1;
    this.channel.follow(null);
    this._status = null;
    this._all = [];
    this._current = null;
    this._lost.clear();
    this._personChanged.emit();
    this._currentChanged.emit(null);
    this._stateChanged.emit();
  }

  /** Nobody is signed in, or not any more. What was loaded stays for whoever comes back. */
  private _leave(): void {
    this._connection = 'signed-out';
    this._error = null;
    this._doubted = true;
    this.channel.follow(null);
    this._stateChanged.emit();
  }

  private readonly _hear = (_sender: Channel, messages: ReadonlyArray<Message>): void => {
    // what programs say to each other, and what is for the person, changes nothing of the project
    const happened = messages.filter(({ topic }) => topic === 'activity');
    if (happened.length > 0) {
      this._heard.emit(happened);
      this._call();
    }
  };

  /** Something happened: ask now. An answer that is on its way may be from before; while it is, the poll takes no calls. */
  private readonly _call = (): void => {
    if (document.visibilityState === 'visible') {
      this._called = true;
      void this._poll.refresh();
    }
  };

  private readonly _expired = (): void => {
    if (this._connection !== 'signed-out') {
      this._leave();
      this._changed.emit(); // what is open learns it, and says so
    }
  };

  private readonly _signedOut = (): void => {
    this._leave();
    this._forget();
  };

  private readonly _signedIn = (): void => {
    this._doubted = true;
    void this.refresh().then(() => this._poll.refresh());
  };

  private async _compareVersion(): Promise<void> {
    const before = this._status?.version;
    this._status = await api.status();
    if (before !== undefined && before !== this._status.version) {
      this._updated.emit(this._status.version);
    }
  }

  /** Ask often where nobody calls. */
  private _pace(): void {
    const interval = this.channel.live ? Math.max(CALLED_INTERVAL, this._interval) : this._interval;
    this._poll.frequency = { interval, backoff: true, max: Math.max(LONGEST_WAIT, interval) };
  }

  private _answered(): void {
    const before = this._connection;
    this.channel.follow(this._current?.id ?? null);
    this._connection = 'live';
    this._error = null;
    if (before !== 'live') {
      this._stateChanged.emit();
    }
    if (before === 'offline' || before === 'signed-out') {
      this._changed.emit(); // what failed to load meanwhile is loaded now
    }
  }

  private _failed(reason: unknown): void {
    const error = ApiError.from(reason);
    if (error.signedOut) {
      this._expired();
      return;
    }
    this._error = error;
    this._connection = 'offline';
    this._stateChanged.emit();
  }

  private _status: Status | null = null;
  private _all: ReadonlyArray<Project> = [];
  private _current: Project | null = null;
  private _connection: Connection = 'connecting';
  private _error: ApiError | null = null;
  /** Whether somebody else may be signed in than the status says. */
  private _doubted = false;
  /** Whether something happened since the last question. */
  private _called = false;
  /** Another number for everybody who signed in here after one another. */
  private _person = 0;
  /** Another number whenever somebody chose a project. */
  private _choice = 0;
  /** Lists are asked for in this order, and may be answered in another: which was asked for last, and which is shown. */
  private _asked = 0;
  private _answer = 0;
  private _interval: number;
  /** The names of those that were closed to the caller by others. */
  private readonly _lost = new Map<string, string>();
  /** Those that the caller is about to leave or delete. */
  private readonly _parting = new Set<string>();
  private readonly _poll: Poll;
  private readonly _currentChanged = new Signal<this, Project | null>(this);
  private readonly _changed = new Signal<this, void>(this);
  private readonly _heard = new Signal<this, ReadonlyArray<Message>>(this);
  private readonly _gone = new Signal<this, IGone>(this);
  private readonly _stateChanged = new Signal<this, void>(this);
  private readonly _personChanged = new Signal<this, void>(this);
  private readonly _updated = new Signal<this, string>(this);
}

/** The project whose folder a path is in; the innermost one. */
function containing(all: ReadonlyArray<Project>, path: string): Project | undefined {
  return all
    .filter(({ folder }) => folder && (path === folder || path.startsWith(`${folder}/`)))
    .sort((one, other) => other.folder.length - one.folder.length)[0];
}

/** The project somebody last did something in, the personal one aside. */
function newest(all: ReadonlyArray<Project>): Project | undefined {
  return all
    .filter(project => !project.personal)
    .sort((one, other) => Date.parse(other.last_activity) - Date.parse(one.last_activity))[0];
}

function personal(all: ReadonlyArray<Project>): Project | null {
  return all.find(project => project.personal) ?? null;
}
