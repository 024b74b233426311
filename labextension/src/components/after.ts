import * as React from 'react';

/**
 * Does something with what is shown next: in the same moment as the states that are set beside it come to be seen, so that no
 * key is pressed in between.
 */
export function useAfter(): (action: () => void) => void {
  const [action, setAction] = React.useState<() => void>();
  React.useLayoutEffect(() => action?.(), [action]);
  return React.useCallback(next => setAction(() => next), []);
}

/** Puts the caret of a field somewhere with the text that it shows next: what is typed then stands behind it. */
export function useCaret(
  field: React.RefObject<HTMLInputElement | HTMLTextAreaElement>
): (place: number) => void {
  const after = useAfter();
  return place =>
    after(() => {
      field.current?.focus();
      field.current?.setSelectionRange(place, place);
    });
}
