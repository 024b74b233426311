import type { GivenRole } from '../api';
import { useUi } from '../components';
import { roleMeaning, roleName } from '../projects/roles';

/** The roles that can be given, the lowest first. */
export const GIVEN: ReadonlyArray<GivenRole> = ['viewer', 'annotator', 'editor', 'admin'];

/** A choice among the roles that can be given; each tells what it means on hover. */
export function RoleSelect(props: {
  id?: string;
  /** For screen readers, where no label stands beside it. */
  label?: string;
  role: GivenRole;
  onChange: (role: GivenRole) => void;
  disabled?: boolean;
  /** In the look of a dialog's fields. */
  styled?: boolean;
}): JSX.Element {
  const { trans } = useUi();
  return (
    <select
      id={props.id}
      className={props.styled ? 'jp-mod-styled' : 'jp-Insighter-Select'}
      aria-label={props.label}
      value={props.role}
      disabled={props.disabled}
      onChange={event => props.onChange(event.target.value as GivenRole)}
    >
      {GIVEN.map(role => (
        <option key={role} value={role} title={roleMeaning(role, trans)}>
          {roleName(role, trans)}
        </option>
      ))}
    </select>
  );
}
