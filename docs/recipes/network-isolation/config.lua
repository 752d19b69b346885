-- Workspaces run in a network of their own, apart from Dokploy's database: docs/install.md says how
-- the network is made and how the proxy joins it.
return { stack = { network = "workspaces" } }
