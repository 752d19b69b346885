// The administration, checked for accessibility in each of its states.
import { checkScenes } from './a11y_checks.mjs'
import { adminScenes } from './admin_scenes.mjs'

checkScenes(adminScenes)
