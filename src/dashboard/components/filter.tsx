/**
 * Fields whose values are settings of the view, so that a link holds them.
 */
import { place, setQuery } from '../router.ts'

export const FilterField = (props: {
  readonly name: string
  readonly label: string
  readonly type?: 'datetime-local'
}) => (
  <label>
    {props.label}
    <input
      {...(props.type === undefined ? { type: 'search' } : { type: props.type, step: 1 })}
      value={place.value.query.get(props.name) ?? ''}
      onChange={({ currentTarget }) => setQuery({ [props.name]: currentTarget.value.trim() })}
    />
  </label>
)

export const FilterSelect = (props: {
  readonly name: string
  readonly label: string
  /** Values with their names. */
  readonly options: readonly (readonly [value: string, name: string])[]
  /** What no choice means; null: the first option is chosen. */
  readonly none?: string | null
}) => {
  const { name, label, options, none = 'any' } = props
  return (
    <label>
      {label}
      <select
        value={place.value.query.get(name) ?? (none === null ? options[0]?.[0] : '')}
        onChange={({ currentTarget }) => setQuery({ [name]: currentTarget.value })}
      >
        {none === null ? null : <option value="">{none}</option>}
        {options.map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
    </label>
  )
}
