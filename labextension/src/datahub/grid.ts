import {
  BasicKeyHandler,
  BasicMouseHandler,
  BasicSelectionModel,
  CellRenderer,
  DataGrid,
  TextRenderer
} from '@lumino/datagrid';

import { asError } from '../api';
import { cellText, DatasetRows, isNumeric, PENDING } from './rows';

const ROW_HEIGHT = 24;
/** More rows than this are not for the clipboard: a download is. */
export const COPY_ROWS = 10_000;

/**
 * Copies only what is here: rows of the selection that were never scrolled to are fetched first. Tab leaves the grid,
 * for a reader must not be caught in it; with Ctrl, A selects all.
 */
class ReadingKeyHandler extends BasicKeyHandler {
  constructor(private readonly problem: (error: Error) => void) {
    super();
  }

  override onKeyDown(grid: DataGrid, event: KeyboardEvent): void {
    if (event.key === 'Tab') {
      return;
    }
    if (event.key === 'a' && (event.ctrlKey || event.metaKey) && grid.dataModel && grid.selectionModel) {
      event.preventDefault();
      event.stopPropagation();
      grid.selectionModel.select({
        r1: 0,
        c1: 0,
        r2: grid.dataModel.rowCount('body') - 1,
        c2: grid.dataModel.columnCount('body') - 1,
        cursorRow: 0,
        cursorColumn: 0,
        clear: 'all'
      });
      return;
    }
    super.onKeyDown(grid, event);
  }

  protected override onKeyC(grid: DataGrid, event: KeyboardEvent): void {
    if (!(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey) {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
    const selection = grid.selectionModel?.currentSelection();
    if (!selection || !(grid.dataModel instanceof DatasetRows)) {
      return;
    }
    const rows = grid.dataModel;
    const first = Math.max(0, Math.min(selection.r1, selection.r2));
    const last = Math.min(rows.total - 1, Math.max(selection.r1, selection.r2));
    if (last - first >= COPY_ROWS) {
      this.problem(new RangeError());
      return;
    }
    rows.rows(first, last - first + 1).then(
      () => grid.copyToClipboard(),
      (reason: unknown) => this.problem(asError(reason))
    );
  }
}

/** A variable of the theme, resolved to a colour that a canvas understands. */
function themed(style: CSSStyleDeclaration, name: string, otherwise: string): string {
  return style.getPropertyValue(name).trim() || otherwise;
}

/** `#rgb`, `#rrggbb` or anything else with an opacity. */
function faded(colour: string, opacity: number): string {
  return `color-mix(in srgb, ${colour} ${Math.round(opacity * 100)}%, transparent)`;
}

/** A grid of a dataset's rows, in the theme's colours. */
export class DatasetGrid extends DataGrid {
  constructor(rows: DatasetRows, problem: (error: Error) => void) {
    super({
      defaultSizes: { rowHeight: ROW_HEIGHT, columnWidth: 120, rowHeaderWidth: 64, columnHeaderHeight: 28 },
      minimumSizes: { rowHeight: ROW_HEIGHT, columnWidth: 32, rowHeaderWidth: 32, columnHeaderHeight: 28 },
      stretchLastColumn: false,
      headerVisibility: 'all',
      copyConfig: {
        separator: '\t',
        headers: 'column',
        format: ({ value }) => (value === null || value === undefined ? '' : cellText(value)),
        warningThreshold: Number.POSITIVE_INFINITY
      }
    });
    this.addClass('jp-Insighter-grid');
    this.dataModel = rows;
    this.selectionModel = new BasicSelectionModel({ dataModel: rows, selectionMode: 'cell' });
    this.keyHandler = new ReadingKeyHandler(problem);
    this.mouseHandler = new BasicMouseHandler();
    this.restyle();
    this._rows = rows;
    rows.loaded.connect(this._onLoaded);
    // Rows that are here already are not announced again.
    rows.rows(0, 1).then(
      () => {
        if (!this._fitted && !this.isDisposed) {
          this._onLoaded(rows, 0);
        }
      },
      () => undefined // told by `failed`
    );
  }

  /** Read the theme's colours again. */
  restyle(): void {
    const style = getComputedStyle(document.body);
    const text = themed(style, '--jp-ui-font-color1', '#000');
    const quiet = themed(style, '--jp-ui-font-color2', '#666');
    const ground = themed(style, '--jp-layout-color1', '#fff');
    const header = themed(style, '--jp-layout-color2', '#eee');
    const line = themed(style, '--jp-border-color2', '#ddd');
    const brand = themed(style, '--jp-brand-color1', '#1976d2');
    const font = `${themed(style, '--jp-ui-font-size1', '13px')} ${themed(style, '--jp-ui-font-family', 'sans-serif')}`;

    this.style = {
      ...DataGrid.defaultStyle,
      voidColor: ground,
      backgroundColor: ground,
      gridLineColor: line,
      headerBackgroundColor: header,
      headerGridLineColor: line,
      selectionFillColor: faded(brand, 0.15),
      selectionBorderColor: brand,
      cursorFillColor: faded(brand, 0.25),
      cursorBorderColor: brand,
      headerSelectionFillColor: faded(brand, 0.15),
      headerSelectionBorderColor: faded(brand, 0),
      scrollShadow: {
        size: 6,
        color1: themed(style, '--jp-border-color1', '#bbb'),
        color2: faded(themed(style, '--jp-border-color1', '#bbb'), 0.4),
        color3: faded(themed(style, '--jp-border-color1', '#bbb'), 0)
      }
    };

    const quietly = ({ value }: CellRenderer.CellConfig): string =>
      value === null || value === undefined || value === PENDING ? quiet : text;
    const side = ({ metadata }: CellRenderer.CellConfig): TextRenderer.HorizontalAlignment =>
      isNumeric(String(metadata['type'] ?? '')) ? 'right' : 'left';
    const format = ({ value }: CellRenderer.CellConfig): string => cellText(value);
    this.cellRenderers.update({
      body: new TextRenderer({ font, textColor: quietly, horizontalAlignment: side, format }),
      'column-header': new TextRenderer({
        font: `600 ${font}`,
        textColor: text,
        horizontalAlignment: side,
        format
      }),
      'row-header': new TextRenderer({ font, textColor: quiet, horizontalAlignment: 'right', format }),
      'corner-header': new TextRenderer({ font, textColor: quiet, format })
    });
    this._font = font;
  }

  override dispose(): void {
    if (this.isDisposed) {
      return;
    }
    this._rows.loaded.disconnect(this._onLoaded);
    super.dispose();
  }

  /** Make the columns as wide as the first rows need; those of numbers grow later, for a number must not be cut. */
  private readonly _onLoaded = (rows: DatasetRows, first: number): void => {
    const context = document.createElement('canvas').getContext('2d');
    if (!context) {
      return;
    }
    context.font = `600 ${this._font}`;
    const last = Math.min(rows.total, first + 50);
    rows.columns.forEach(({ name, type }, index) => {
      if (this._fitted && !isNumeric(type)) {
        return;
      }
      let width = context.measureText(name).width;
      for (let row = first; row < last; row++) {
        width = Math.max(width, context.measureText(cellText(rows.data('body', row, index))).width);
      }
      const needed = Math.ceil(Math.max(56, Math.min(width + 26, 320)));
      if (!this._fitted || needed > this.columnSize('body', index)) {
        this.resizeColumn('body', index, needed);
      }
    });
    if (!this._fitted) {
      const digits = context.measureText(String(rows.total)).width;
      this.resizeColumn('row-header', 0, Math.ceil(Math.max(40, digits + 24)));
    }
    this._fitted = true;
  };

  private readonly _rows: DatasetRows;
  private _font = '';
  private _fitted = false;
}
