# The first ECS service of a new account, without cloud, network or `terraform init`:
# create-service.sh stands in for the AWS CLI, and its "role" can be assumed some 10 seconds after the first try.

resource "terraform_data" "cluster" {
  input = "demo"
}

resource "terraform_data" "ecs_service" {
  input = "nginx"

  provisioner "local-exec" {
    command = "sh '${path.module}/create-service.sh' '${terraform_data.cluster.id}'"
  }
}
