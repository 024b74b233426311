import { ReactWidget } from '@jupyterlab/ui-components';
import type { IStateDB } from '@jupyterlab/statedb';
import { DisposableDelegate, type IDisposable } from '@lumino/disposable';
import type { Message } from '@lumino/messaging';
import { type ISignal, Signal } from '@lumino/signaling';
import type * as React from 'react';

import { ErrorBoundary, type IUi, UiProvider } from '../components';

import { SIDEBAR } from './commands';
import { insighterIcon } from './icons';
import { SidebarView } from './sidebarview';
import type { IProjects, ISection, ISidebar, ITopProps } from './tokens';

/** Where it is remembered which sections are collapsed. */
const MEMORY = 'insighter:sidebar';

/** The sections that others add, and which of them are collapsed. */
export class Sections implements ISidebar {
  constructor(private readonly state: IStateDB | null) {
    void this._remember();
  }

  get all(): ReadonlyArray<ISection> {
    return this._all;
  }

  get collapsed(): ReadonlySet<string> {
    return this._collapsed;
  }

  /** A section came or went, opened or closed. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  addSection(section: ISection): IDisposable {
    this._all = [...this._all, section].sort((one, other) => one.rank - other.rank);
    this._changed.emit();
    return new DisposableDelegate(() => {
      this._all = this._all.filter(each => each !== section);
      this._changed.emit();
    });
  }

  get tops(): ReadonlyArray<React.ComponentType<ITopProps>> {
    return this._tops;
  }

  addTop(component: React.ComponentType<ITopProps>): IDisposable {
    this._tops = [...this._tops, component];
    this._changed.emit();
    return new DisposableDelegate(() => {
      this._tops = this._tops.filter(each => each !== component);
      this._changed.emit();
    });
  }

  /** Collapse or open a section, and remember it. */
  setCollapsed(id: string, collapsed: boolean): void {
    const next = new Set(this._collapsed);
    if (collapsed) {
      next.add(id);
    } else {
      next.delete(id);
    }
    this._collapsed = next;
    this._changed.emit();
    void this.state?.save(MEMORY, { collapsed: [...next] });
  }

  private async _remember(): Promise<void> {
    const memory = (await this.state?.fetch(MEMORY).catch(() => undefined)) as
      { collapsed?: string[] } | undefined;
    if (memory?.collapsed) {
      this._collapsed = new Set(memory.collapsed);
      this._changed.emit();
    }
  }

  private _all: ReadonlyArray<ISection> = [];
  private _tops: ReadonlyArray<React.ComponentType<ITopProps>> = [];
  private _collapsed: ReadonlySet<string> = new Set();
  private readonly _changed = new Signal<this, void>(this);
}

/** The sidebar: the open project and its assets. */
export class Sidebar extends ReactWidget {
  constructor(
    private readonly projects: IProjects,
    private readonly sections: Sections,
    private readonly ui: IUi
  ) {
    super();
    this.id = SIDEBAR;
    this.title.icon = insighterIcon;
    this.title.caption = ui.trans.__('Insighter');
    this.addClass('jp-Insighter');
    this.addClass('jp-Insighter-Sidebar');
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', ui.trans.__('Insighter project'));
  }

  protected override render(): JSX.Element {
    return (
      <UiProvider value={this.ui}>
        <ErrorBoundary>
          <SidebarView projects={this.projects} sections={this.sections} />
        </ErrorBoundary>
      </UiProvider>
    );
  }

  protected override onActivateRequest(_message: Message): void {
    if (!this.node.contains(document.activeElement)) {
      this.node.querySelector<HTMLElement>('input, button')?.focus();
    }
  }
}
