import { ReactWidget } from '@jupyterlab/ui-components';
import type { ReadonlyJSONObject } from '@lumino/coreutils';
import type { Message as LuminoMessage } from '@lumino/messaging';
import { type ISignal, Signal } from '@lumino/signaling';

import type { IActivityFilter } from '../api';
import { ErrorBoundary } from '../components';
import { textArg } from '../pages/args';
import { HostProvider, type IHost } from '../pages/host';
import { PAGE } from '../pages/widget';
import { ActivityPage } from './page';
import type { IServices } from './services';

/** What the panel shows. */
export interface IView {
  readonly view: 'all' | 'mine';
  /** The project that the filter is of. */
  readonly project?: string;
  readonly filter: IActivityFilter;
}

/** The panel of activity, for the main area. */
export class ActivityContent extends ReactWidget {
  constructor(
    private readonly host: IHost,
    private readonly services: IServices,
    private _view: IView
  ) {
    super();
    this.addClass('jp-Insighter');
    this.addClass(PAGE);
    this.node.tabIndex = -1;
  }

  /** What is shown; for the layout to remember, as arguments of the command. */
  get args(): ReadonlyJSONObject {
    const { view, project, filter } = this._view;
    return JSON.parse(JSON.stringify({ view, project, ...filter })) as ReadonlyJSONObject;
  }

  get viewChanged(): ISignal<this, void> {
    return this._viewChanged;
  }

  present(view: IView): void {
    this._view = view;
    this._viewChanged.emit();
    this.update();
  }

  protected override render(): JSX.Element {
    return (
      <HostProvider host={this.host}>
        <ErrorBoundary>
          <ActivityPage services={this.services} view={this._view} onView={view => this.present(view)} />
        </ErrorBoundary>
      </HostProvider>
    );
  }

  protected override onActivateRequest(_message: LuminoMessage): void {
    if (!this.node.contains(document.activeElement)) {
      this.node.focus();
    }
  }

  private readonly _viewChanged = new Signal<this, void>(this);
}

/** What a command's arguments ask to be shown. */
export function viewOf(args: ReadonlyJSONObject): IView {
  return {
    view: args['view'] === 'mine' ? 'mine' : 'all',
    project: textArg(args, 'project'),
    filter: { person: textArg(args, 'person'), kind: textArg(args, 'kind'), key: textArg(args, 'key') }
  };
}
