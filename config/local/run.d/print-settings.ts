import { passableSettings } from './operator-settings.ts'

for (const { env, default: fallback, help } of passableSettings()) {
  console.log(`  ${`${env}=${fallback ?? ''}`.padEnd(32)} ${help}`)
}
