import * as React from 'react';

/** JupyterLab's theme, as much of it as a canvas needs to know. */
export interface ITheme {
  readonly name: string;
  readonly dark: boolean;
  /** Of words, of lines behind the data, and of what they are drawn on. */
  readonly text: string;
  readonly grid: string;
  readonly ground: string;
  readonly accent: string;
  readonly font: string;
}

let current: ITheme | null = null;

function read(): ITheme {
  const { jpThemeName = '', jpThemeLight } = document.body.dataset;
  const dark = jpThemeLight === 'false';
  if (current?.name !== jpThemeName || current.dark !== dark) {
    const style = getComputedStyle(document.body);
    const value = (name: string) => style.getPropertyValue(`--jp-${name}`).trim();
    current = {
      name: jpThemeName,
      dark,
      text: value('ui-font-color2'),
      grid: value('border-color2'),
      ground: value('layout-color1'),
      accent: value('brand-color1'),
      font: `11px ${value('ui-font-family') || 'sans-serif'}`
    };
  }
  return current;
}

function subscribe(notify: () => void): () => void {
  const observer = new MutationObserver(notify);
  observer.observe(document.body, { attributeFilter: ['data-jp-theme-name', 'data-jp-theme-light'] });
  return () => observer.disconnect();
}

/** The theme, kept current. */
export function useTheme(): ITheme {
  return React.useSyncExternalStore(subscribe, read);
}

/** The size of an element, kept current; 0 × 0 before it is known and while it is hidden. */
export function useSize<E extends HTMLElement>(): [React.RefObject<E>, { width: number; height: number }] {
  const place = React.useRef<E>(null);
  const [size, setSize] = React.useState({ width: 0, height: 0 });
  React.useLayoutEffect(() => {
    const node = place.current;
    if (!node) {
      return;
    }
    const measure = () => {
      const [width, height] = [Math.floor(node.clientWidth), Math.floor(node.clientHeight)];
      setSize(before => (before.width === width && before.height === height ? before : { width, height }));
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(node);
    return () => observer.disconnect();
  }, []);
  return [place, size];
}
