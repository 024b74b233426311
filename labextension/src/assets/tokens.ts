import type { LabIcon } from '@jupyterlab/ui-components';
import { Token } from '@lumino/coreutils';
import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import type * as React from 'react';

/** The kinds of assets and what the page of each of them has in common. */
export const IAssets = new Token<IAssets>(
  '@insighter/labextension:IAssets',
  'Opens assets of any kind, and adds tabs to the pages of all of them.'
);

/** An asset, as addresses name it. */
export interface IAssetRef {
  readonly project: string;
  /** dataset, notebook, experiment, run, model or deployment. */
  readonly kind: string;
  /** The name of a dataset, model or deployment; the id of all others. */
  readonly key: string;
}

/** The kinds of assets and what the page of each of them has in common. */
export interface IAssets {
  /** A kind by its word; undefined when nothing shows assets of that kind. */
  kind(kind: string): IAssetKind | undefined;

  /** All kinds, in the order of their ranks. */
  readonly kinds: ReadonlyArray<IAssetKind>;

  /** Tell of a kind; dispose of the answer to take it back. */
  addKind(kind: IAssetKind): IDisposable;

  /** Open an asset's page. `name` is shown until the page knows better. */
  open(asset: IAssetRef, name?: string): Promise<void>;

  /** What stands behind the own tabs of every asset's page, in the order of their ranks. */
  readonly tabs: ReadonlyArray<IAssetTab>;

  /** Add a tab to the page of every asset; dispose of the answer to take it away. */
  addTab(tab: IAssetTab): IDisposable;

  /** A kind or a tab came or went. */
  readonly changed: ISignal<IAssets, void>;
}

/** A kind of asset. */
export interface IAssetKind {
  /** Its word in the API. */
  kind: string;

  /** What one of them is called, and all of them, translated. */
  label: string;
  plural: string;

  icon: LabIcon;

  /** Its place among the kinds: the smaller, the earlier. */
  rank: number;

  /** Open the page of one of them. */
  open: (asset: IAssetRef, name: string) => Promise<unknown>;
}

/** A tab of every asset's page. */
export interface IAssetTab {
  /** A word for it that stays. */
  id: string;

  /** Its heading, translated. */
  label: string;

  /** Its place among those that were added: the smaller, the earlier. */
  rank: number;

  /** What is inside it; rendered while it is chosen. It fills the height that is left and scrolls by itself. */
  component: React.ComponentType<IAssetTabProps>;
}

/** What a tab's component is given. */
export interface IAssetTabProps {
  asset: IAssetRef;
}
