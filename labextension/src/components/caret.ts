import * as React from 'react';

/**
 * Puts the caret of a field somewhere with the text that it shows next: in the same moment, so that what is typed after it
 * stands there, however fast it is typed.
 */
export function useCaret(
  field: React.RefObject<HTMLInputElement | HTMLTextAreaElement>
): (place: number) => void {
  const next = React.useRef<number | null>(null);
  React.useLayoutEffect(() => {
    if (next.current !== null) {
      field.current?.focus();
      field.current?.setSelectionRange(next.current, next.current);
      next.current = null;
    }
  });
  return React.useCallback(place => {
    next.current = place;
  }, []);
}
