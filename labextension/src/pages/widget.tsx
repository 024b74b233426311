import type { ILabShell, ILayoutRestorer, JupyterFrontEnd } from '@jupyterlab/application';
import { MainAreaWidget, WidgetTracker } from '@jupyterlab/apputils';
import { type LabIcon, ReactWidget } from '@jupyterlab/ui-components';
import type { ReadonlyJSONObject } from '@lumino/coreutils';
import type { Message } from '@lumino/messaging';

import { ErrorBoundary } from '../components';
import { HostProvider, type IHost } from './host';
import { Lost } from './lost';

/** What an asset's page is opened with: enough to find it again after a reload. */
export interface IPageArgs extends ReadonlyJSONObject {
  /** The project the asset is in. */
  readonly project: string;
}

/** The class of every page's content. */
export const PAGE = 'jp-Insighter-PageHost';

/** A page's content: React inside, and whatever is its own goes with it. */
export class PageContent<A extends ReadonlyJSONObject> extends ReactWidget {
  constructor(
    readonly args: A,
    private readonly host: IHost,
    private readonly view: JSX.Element,
    private readonly release: () => void = () => undefined
  ) {
    super();
    this.addClass('jp-Insighter');
    this.addClass(PAGE);
    this.node.tabIndex = -1;
  }

  protected override render(): JSX.Element {
    const { project } = this.args;
    return (
      <HostProvider host={this.host}>
        <ErrorBoundary>
          {typeof project === 'string' ? (
            <Lost project={project} onClose={() => this.parent?.close()}>
              {this.view}
            </Lost>
          ) : (
            this.view
          )}
        </ErrorBoundary>
      </HostProvider>
    );
  }

  protected override onActivateRequest(_message: Message): void {
    if (!this.node.contains(document.activeElement)) {
      this.node.focus();
    }
  }

  override dispose(): void {
    if (!this.isDisposed) {
      super.dispose();
      this.release();
    }
  }
}

/** The main-area pages of one kind of asset: one page per asset, brought back by a reload. */
export class Pages<A extends ReadonlyJSONObject> {
  constructor(private readonly options: Pages.IOptions<A>) {
    const { restorer, command, namespace } = options;
    this._tracker = new WidgetTracker<MainAreaWidget<PageContent<A>>>({ namespace });
    if (restorer) {
      void restorer.restore(this._tracker, {
        command,
        args: ({ content }) => content.args,
        name: ({ content }) => this.options.key(content.args)
      });
    }
  }

  /** Show the page of an asset: the one that is open, or a new one. */
  async open(args: A): Promise<void> {
    const key = this.options.key(args);
    const { app, labShell } = this.options;
    const found = this._find(key);
    if (found) {
      app.shell.activateById(found.id);
      return;
    }
    const content = await this.options.make(args);
    const again = this._find(key); // a double click: another one was made meanwhile
    if (again) {
      content.dispose();
      app.shell.activateById(again.id);
      return;
    }
    content.title.label = this.options.label(args);
    content.title.caption = this.options.caption(args);
    content.title.icon = this.options.icon;
    const widget = new MainAreaWidget({ content });
    widget.id = `${this.options.namespace}:${key}`;
    widget.title.closable = true;
    widget.toolbar.hide();
    // Notebook 7 drops what is added to its main area while a document is there
    app.shell.add(widget, labShell ? 'main' : 'right', { mode: 'tab-after' });
    void this._tracker.add(widget);
    app.shell.activateById(widget.id);
  }

  /** Close the pages of an asset that is gone. */
  close(matches: (args: A) => boolean): void {
    this._tracker.filter(({ content }) => matches(content.args)).forEach(widget => widget.close());
  }

  private _find(key: string): MainAreaWidget<PageContent<A>> | undefined {
    return this._tracker.find(({ content }) => this.options.key(content.args) === key);
  }

  private readonly _tracker: WidgetTracker<MainAreaWidget<PageContent<A>>>;
}

export namespace Pages {
  export interface IOptions<A extends ReadonlyJSONObject> {
    app: JupyterFrontEnd;
    restorer: ILayoutRestorer | null;
    labShell: ILabShell | null;
    /** Of the tracker; unique. */
    namespace: string;
    /** Opens a page with its args. */
    command: string;
    icon: LabIcon;
    label: (args: A) => string;
    caption: (args: A) => string;
    /** The same for the same asset, and for no other. */
    key: (args: A) => string;
    /** Make a page; what it needs is imported now. */
    make: (args: A) => Promise<PageContent<A>>;
  }
}
