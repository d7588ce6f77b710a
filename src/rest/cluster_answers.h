// What is answered to requests about the cluster itself, in the fields of Flink's REST interface. Pure, any thread.
//
// A figure that nobody knows is -1, or is not there.
#pragma once

#include <vector>

#include "control/cluster_control.h"
#include "control/http.h"
#include "control/metric.h"

namespace tidemark {

/// GET /config, /overview.
HttpResponse answer_config_of_cluster();
/// GET /jobmanager/config.
HttpResponse answer_configuration(const std::vector<std::pair<std::string, std::string>>& configuration);
HttpResponse answer_overview_of_cluster(const std::vector<TaskManagerGlance>& task_managers, const std::vector<JobGlance>& jobs);
/// GET /taskmanagers, /taskmanagers/:id.
HttpResponse answer_task_managers(const std::vector<TaskManagerGlance>& task_managers);
HttpResponse answer_task_manager(const TaskManagerGlance& task_manager);
bool is_over(const JobGlance& job);
/// Slots, TaskManagers and jobs.
std::vector<Metric> metrics_of_cluster(const std::vector<TaskManagerGlance>& task_managers, const std::vector<JobGlance>& jobs);

}  // namespace tidemark
