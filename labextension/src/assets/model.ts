import { DisposableDelegate, type IDisposable } from '@lumino/disposable';
import { type ISignal, Signal } from '@lumino/signaling';

import type { IAssetKind, IAssetRef, IAssets, IAssetTab } from './tokens';

/** What capabilities told of their kinds and tabs. */
export class Assets implements IAssets {
  get kinds(): ReadonlyArray<IAssetKind> {
    return this._kinds;
  }

  get tabs(): ReadonlyArray<IAssetTab> {
    return this._tabs;
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  kind(kind: string): IAssetKind | undefined {
    return this._kinds.find(each => each.kind === kind);
  }

  addKind(kind: IAssetKind): IDisposable {
    this._kinds = ranked([...this._kinds, kind]);
    this._changed.emit();
    return new DisposableDelegate(() => {
      this._kinds = this._kinds.filter(each => each !== kind);
      this._changed.emit();
    });
  }

  addTab(tab: IAssetTab): IDisposable {
    this._tabs = ranked([...this._tabs, tab]);
    this._changed.emit();
    return new DisposableDelegate(() => {
      this._tabs = this._tabs.filter(each => each !== tab);
      this._changed.emit();
    });
  }

  async open(asset: IAssetRef, name = asset.key): Promise<void> {
    await this.kind(asset.kind)?.open(asset, name);
  }

  private _kinds: ReadonlyArray<IAssetKind> = [];
  private _tabs: ReadonlyArray<IAssetTab> = [];
  private readonly _changed = new Signal<this, void>(this);
}

function ranked<T extends { rank: number }>(all: T[]): T[] {
  return all.sort((one, other) => one.rank - other.rank);
}
