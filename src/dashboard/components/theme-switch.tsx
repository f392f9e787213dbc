/**
 * Which colours: light, dark, or as the system has them.
 */
import { isTheme, setTheme, THEMES, theme } from '../theme.ts'

export const ThemeSwitch = () => (
  <label class="theme">
    <span class="hidden">Colours</span>
    <select
      value={theme.value}
      onChange={({ currentTarget }) => {
        if (isTheme(currentTarget.value)) setTheme(currentTarget.value)
      }}
    >
      {THEMES.map((name) => (
        <option key={name} value={name}>
          {name}
        </option>
      ))}
    </select>
  </label>
)
