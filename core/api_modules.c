/* The list of what core.* offers to scripts. */
#include "api.h"

const struct vm_module api_modules[] = {
    { "core.config", api_config_open },
    { "core.console", api_console_open },
    { "core.crypto", api_crypto_open },
    { "core.gzip", api_gzip_open },
    { "core.http", api_http_open },
    { "core.json", api_json_open },
    { "core.limit", api_limit_open },
    { "core.log", api_log_open },
    { "core.metrics", api_metrics_open },
    { "core.process", api_process_open },
    { "core.server", api_server_open },
    { "core.shared", api_shared_open },
    { "core.site", api_site_open },
    { "core.sse", api_sse_open },
    { "core.store", api_store_open },
    { "core.task", api_task_open },
    { "core.text", api_text_open },
    { "core.timer", api_timer_open },
    { NULL, NULL },
};
