import { ModelSignature, SignatureField } from '../api';

/** How a column of a model's signature is asked for. */
export type FieldKind = 'number' | 'integer' | 'boolean' | 'datetime' | 'text';

/** A field of the form: one input column. */
export interface IField {
  readonly name: string;
  readonly type: string;
  readonly kind: FieldKind;
  readonly required: boolean;
}

/** What the form holds: what was typed, by column; a checkbox holds `true` or `false`. */
export type FormValues = Readonly<Record<string, string>>;

/** Words MLflow uses for what can be typed into one field. */
const KINDS: Readonly<Record<string, FieldKind>> = {
  double: 'number',
  float: 'number',
  integer: 'integer',
  long: 'integer',
  boolean: 'boolean',
  datetime: 'datetime',
  string: 'text'
};

/** The form's fields, or null where the signature cannot be a form: tensors, nested or unnamed columns, or none. */
export function formFields(signature: ModelSignature): IField[] | null {
  if (signature.inputs.length === 0) {
    return null;
  }
  const fields: IField[] = [];
  for (const input of signature.inputs) {
    const kind = KINDS[input.type];
    if (input.name === null || !kind || input.shape) {
      return null;
    }
    fields.push({ name: input.name, type: input.type, kind, required: input.required });
  }
  return fields;
}

/** The example's first row by column, as text; nothing where there is no example. */
export function exampleRow(signature: ModelSignature): Record<string, unknown> {
  const { columns, data } = (signature.example ?? {}) as { columns?: unknown; data?: unknown };
  if (!Array.isArray(columns) || !Array.isArray(data) || !Array.isArray(data[0])) {
    return {};
  }
  const row = data[0] as unknown[];
  return Object.fromEntries(columns.map((column, index) => [String(column), row[index]]));
}

/** What the form starts with. */
export function initialValues(fields: ReadonlyArray<IField>, signature: ModelSignature): FormValues {
  const example = exampleRow(signature);
  return Object.fromEntries(
    fields.map(({ name, kind }) => {
      const value = example[name];
      const known = value !== null && value !== undefined;
      if (kind === 'boolean') {
        return [name, known && Boolean(value) ? 'true' : 'false'];
      }
      if (kind === 'datetime') {
        // what a datetime-local field takes: no zone, no fraction
        return [name, known ? plain(value).replace(' ', 'T').slice(0, 19) : ''];
      }
      return [name, known ? plain(value) : kind === 'text' ? '' : '0'];
    })
  );
}

function plain(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** A field's text as a JSON token. Numbers go as they were typed, so that a long keeps all its digits. */
function token(field: IField, text: string): string {
  const typed = text.trim();
  switch (field.kind) {
    case 'boolean':
      return text === 'true' ? 'true' : 'false';
    case 'integer':
    case 'number':
      return typed === '' || !Number.isFinite(Number(typed)) ? 'null' : jsonNumber(field, typed);
    case 'datetime':
      return typed === '' ? 'null' : JSON.stringify(typed);
    default:
      return typed === '' && !field.required ? 'null' : JSON.stringify(text);
  }
}

function jsonNumber(field: IField, typed: string): string {
  if (field.kind === 'integer' && /^[+-]?\d+$/.test(typed)) {
    return String(BigInt(typed.replace(/^\+/, '')));
  }
  return JSON.stringify(Number(typed));
}

/** The request body of a form, as MLflow's scoring protocol wants it: one row. */
export function formPayload(fields: ReadonlyArray<IField>, values: FormValues): string {
  const columns = JSON.stringify(fields.map(field => field.name));
  const row = fields.map(field => token(field, values[field.name] ?? '')).join(', ');
  return `{"dataframe_split": {"columns": ${columns}, "data": [[${row}]]}}`;
}

/** What stands in the JSON field before anything was typed: the example, or the shape of what the model takes. */
export function templatePayload(signature: ModelSignature | null): string {
  if (signature?.example) {
    return pretty({ dataframe_split: signature.example });
  }
  const inputs = signature?.inputs ?? [];
  if (inputs.length > 0 && inputs.every(input => input.name !== null && KINDS[input.type] && !input.shape)) {
    const columns = inputs.map(input => input.name);
    return pretty({ dataframe_split: { columns, data: [inputs.map(sample)] } });
  }
  if (inputs.length > 0 && inputs.some(input => input.shape)) {
    const named = inputs.filter(input => input.name !== null);
    const tensors = named.map(input => [input.name, zeros(input)] as const);
    const value: unknown = named.length === inputs.length ? Object.fromEntries(tensors) : zeros(inputs[0]);
    return pretty({ inputs: value });
  }
  return pretty({ inputs: [] });
}

/** JSON for people: what fits into a line stays in one. */
function pretty(value: unknown, indent = ''): string {
  const flat = JSON.stringify(value);
  if (flat.length + indent.length <= 72 || typeof value !== 'object' || value === null) {
    return flat;
  }
  const inner = `${indent}  `;
  const [open, close] = Array.isArray(value) ? '[]' : '{}';
  const parts = Array.isArray(value)
    ? value.map(item => pretty(item, inner))
    : Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${pretty(item, inner)}`);
  return `${open}\n${parts.map(part => inner + part).join(',\n')}\n${indent}${close}`;
}

function sample(input: SignatureField): unknown {
  switch (KINDS[input.type]) {
    case 'boolean':
      return false;
    case 'text':
      return '';
    case 'datetime':
      return '2026-01-01T00:00:00';
    default:
      return 0;
  }
}

/** Zeros in a tensor's shape, one along the axes that may have any length; nothing for one too large to read. */
function zeros(input: SignatureField): unknown {
  const shape = (input.shape ?? [-1]).map(size => Math.max(size, 1));
  if (shape.reduce((product, size) => product * size, 1) > 1000) {
    return [];
  }
  return shape.reduceRight<unknown>(
    (inner, size) => Array.from({ length: size }, () => inner),
    input.type === 'str' || input.type === 'string' ? '' : 0
  );
}

/** The predictions in an answer, each as a line of text; null where the answer is not MLflow's. */
export function predictions(answer: unknown): string[] | null {
  const found =
    typeof answer === 'object' && answer !== null
      ? (answer as { predictions?: unknown }).predictions
      : undefined;
  if (found === undefined) {
    return null;
  }
  return (Array.isArray(found) ? found : [found]).map(predictionText);
}

function predictionText(value: unknown): string {
  if (typeof value === 'number' && !Number.isInteger(value)) {
    return String(Number(value.toPrecision(6)));
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return Object.entries(value)
      .map(([key, item]) => (key === '0' ? predictionText(item) : `${key}: ${predictionText(item)}`))
      .join(', ');
  }
  if (Array.isArray(value)) {
    return `[${value.map(predictionText).join(', ')}]`;
  }
  return typeof value === 'string' ? value : JSON.stringify(value);
}
