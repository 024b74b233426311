import { Button } from './button';
import { CodeLine } from './copy';

/** A button of an empty state. */
export interface IEmptyAction {
  label: string;
  onClick: () => void;
}

/** What stands where nothing is yet: a sentence, a button, a line of code to copy. */
export function EmptyState(props: {
  text: string;
  action?: IEmptyAction;
  second?: IEmptyAction;
  code?: string;
}): JSX.Element {
  const { text, action, second, code } = props;
  return (
    <div className="jp-Insighter-EmptyState">
      <p>{text}</p>
      {action && (
        <div className="jp-Insighter-Buttons">
          <Button primary onClick={action.onClick}>
            {action.label}
          </Button>
          {second && <Button onClick={second.onClick}>{second.label}</Button>}
        </div>
      )}
      {code && <CodeLine code={code} />}
    </div>
  );
}
