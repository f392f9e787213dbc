/**
 * Tools that Anthropic defines and the client runs: their schemas are known to Claude and not in the request, so other
 * models get them spelled out.
 */
import type { Json } from '#domain/dialect/openai/client-block.ts'

/** @param type with its version date, as `bash_20250124`. Undefined for tools of Anthropic's servers. */
export const clientTool = (type: string): { readonly description: string; readonly schema: Json } | undefined =>
  clientTools.get(type.replace(/_\d{8}$/, ''))

const text = { type: 'string' }
const lineNumber = { type: 'integer' }
const object = (properties: Json, required: readonly string[]): Json => ({ type: 'object', properties, required })

const clientTools: ReadonlyMap<string, { readonly description: string; readonly schema: Json }> = new Map([
  [
    'bash',
    {
      description: 'Runs a command in a persistent bash session; `restart` starts the session anew.',
      schema: object({ command: text, restart: { type: 'boolean' } }, []),
    },
  ],
  [
    'text_editor',
    {
      description:
        'Views and edits files. `view` shows a file or folder, `create` writes file_text, `str_replace` replaces old_str, which must occur exactly once, with new_str, `insert` puts insert_text after insert_line.',
      schema: object(
        {
          command: { type: 'string', enum: ['view', 'create', 'str_replace', 'insert'] },
          path: text,
          file_text: text,
          old_str: text,
          new_str: text,
          insert_line: lineNumber,
          insert_text: text,
          view_range: { type: 'array', items: lineNumber },
        },
        ['command', 'path'],
      ),
    },
  ],
  [
    'memory',
    {
      description:
        'Keeps notes in files under /memories. `rename` needs old_path and new_path, every other command needs path.',
      schema: object(
        {
          command: { type: 'string', enum: ['view', 'create', 'str_replace', 'insert', 'delete', 'rename'] },
          path: text,
          file_text: text,
          old_str: text,
          new_str: text,
          insert_line: lineNumber,
          insert_text: text,
          view_range: { type: 'array', items: lineNumber },
          old_path: text,
          new_path: text,
        },
        ['command'],
      ),
    },
  ],
])
