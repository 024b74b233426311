/** A language in which calling an endpoint is shown. */
export interface ISnippet {
  readonly id: 'curl' | 'python' | 'r';
  readonly label: string;
  readonly code: string;
}

/** One argument for a POSIX shell. */
function shell(text: string): string {
  return `'${text.replace(/'/g, `'\\''`)}'`;
}

/** A text that may hold anything, as a literal of Python; JSON's escapes are Python's too. */
function pythonText(text: string): string {
  if (text.includes('\\') || text.includes("'''") || text.endsWith("'")) {
    return JSON.stringify(text);
  }
  return /['\n]/.test(text) ? `'''${text}'''` : `'${text}'`;
}

/** A text that may hold anything, as a literal of R. */
function rText(text: string): string {
  return text.includes(')---"') ? JSON.stringify(text) : `r"---(${text})---"`;
}

/**
 * How to call an endpoint from outside: the token is the caller's own and stays in the environment.
 *
 * @param variable - the environment variable it is in.
 */
export function snippets(invocations: string, payload: string, variable: string): ISnippet[] {
  return [
    {
      id: 'curl',
      label: 'curl',
      code: `curl -X POST ${shell(invocations)} \\
  -H "Authorization: Bearer $${variable}" \\
  -H 'Content-Type: application/json' \\
  -d ${shell(payload)}`
    },
    {
      id: 'python',
      label: 'Python',
      code: `import os
import requests

response = requests.post(
    ${JSON.stringify(invocations)},
    headers={
        "Authorization": f"Bearer {os.environ['${variable}']}",
        "Content-Type": "application/json",
    },
    data=${pythonText(payload)}.encode(),
)
response.raise_for_status()
print(response.json()["predictions"])`
    },
    {
      id: 'r',
      label: 'R',
      code: `library(httr2)

answer <- request(${JSON.stringify(invocations)}) |>
  req_headers(Authorization = paste("Bearer", Sys.getenv("${variable}"))) |>
  req_body_raw(${rText(payload)}, type = "application/json") |>
  req_perform() |>
  resp_body_json()
print(answer$predictions)`
    }
  ];
}
