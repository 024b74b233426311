import { type IThemeManager, MainAreaWidget, ToolbarButton } from '@jupyterlab/apputils';
import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';
import { IFrame, launchIcon, refreshIcon } from '@jupyterlab/ui-components';
import type { ReadonlyJSONObject } from '@lumino/coreutils';

/** Which of MLflow's pages, of which project. */
export interface IMlflowArgs extends ReadonlyJSONObject {
  readonly project: string;
  /** MLflow's name of the project. */
  readonly workspace: string;
  /** Below MLflow's address, such as `experiments/1/runs/…`; empty for its first page. */
  readonly path: string;
}

/** MLflow's own pages in a frame. They are served by this server, from the installed package. */
export class MlflowFrame extends IFrame {
  constructor(
    readonly project: string,
    readonly workspace: string,
    path: string,
    private readonly themes: IThemeManager | null
  ) {
    super({
      // The pages are as trusted as Lab itself: the same server, the same person, code from an installed package.
      sandbox: ['allow-scripts', 'allow-same-origin', 'allow-forms', 'allow-popups', 'allow-downloads'],
      referrerPolicy: 'same-origin'
    });
    this.addClass('jp-Insighter-Mlflow');
    this._dark = this._isDark();
    this.goTo(path);
    themes?.themeChanged.connect(this._onTheme);
  }

  /** Where the person is now: what a reload of Lab brings back. */
  get path(): string {
    try {
      const { hash } = this._frame.contentWindow!.location;
      return hash
        .replace(/^#\/?/, '')
        .replace(/([?&])workspace=[^&]*(&|$)/, (_all, mark: string, rest: string) => (rest ? mark : ''));
    } catch {
      return this._path;
    }
  }

  /** The address of a page, for a tab of the browser too. */
  address(path: string): string {
    const base = URLExt.join(ServerConnection.makeSettings().baseUrl, 'insighter/mlflow/');
    const { workspace } = this;
    const query = URLExt.objectToQueryString({ workspace, theme: this._dark ? 'dark' : 'light' });
    // Within the page only what follows the # changes: it has to say the project, too.
    const mark = path.includes('?') ? '&' : '?';
    return `${base}${query}#/${path}${mark}workspace=${encodeURIComponent(workspace)}`;
  }

  /** Go to a page. */
  goTo(path: string): void {
    this._path = path;
    this.url = this.address(path);
  }

  /** Load the page again; to set the address that it has would change nothing. */
  reload(): void {
    this._frame.contentWindow?.location.reload();
  }

  override dispose(): void {
    if (!this.isDisposed) {
      this.themes?.themeChanged.disconnect(this._onTheme);
      super.dispose();
    }
  }

  private get _frame(): HTMLIFrameElement {
    return this.node.querySelector('iframe')!;
  }

  private _isDark(): boolean {
    const theme = this.themes?.theme;
    return Boolean(theme && !this.themes?.isLight(theme));
  }

  private readonly _onTheme = (): void => {
    if (this._isDark() !== this._dark) {
      this._dark = this._isDark();
      this.goTo(this.path);
    }
  };

  private _dark: boolean;
  private _path = '';
}

/** The frame with its toolbar. */
export function mlflowWidget(
  args: IMlflowArgs,
  themes: IThemeManager | null,
  trans: TranslationBundle
): MainAreaWidget<MlflowFrame> {
  const content = new MlflowFrame(args.project, args.workspace, args.path, themes);
  const widget = new MainAreaWidget({ content });
  widget.toolbar.addItem(
    'reload',
    new ToolbarButton({
      icon: refreshIcon,
      tooltip: trans.__('Load this page again'),
      onClick: () => content.reload()
    })
  );
  widget.toolbar.addItem(
    'browser',
    new ToolbarButton({
      icon: launchIcon,
      label: trans.__('Open in a Browser Tab'),
      tooltip: trans.__('Show this page in a tab of the browser'),
      onClick: () => void window.open(content.address(content.path), '_blank', 'noopener')
    })
  );
  return widget;
}
